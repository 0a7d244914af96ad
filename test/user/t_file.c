// Files of the archive, /dev and /tmp: reading, seeking, directories, errors.
#include "test/user/utest.h"
#include <dirent.h>
#include <sys/stat.h>

#define SELF "/proc/self/exe"

UTEST(file_read, "file-read")
{
    struct stat st;
    char a[64], b[64];
    int fd = open(SELF, O_RDONLY);

    REQUIRE(fd >= 0);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK(S_ISREG(st.st_mode));
    CHECK(st.st_mode & 0111);
    CHECK(st.st_size > 10000);
    CHECK_EQ(read(fd, a, sizeof a), sizeof a);
    CHECK(memcmp(a, "\177ELF", 4) == 0);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), sizeof a);
    CHECK_EQ(lseek(fd, 4, SEEK_SET), 4);
    CHECK_EQ(read(fd, b, 8), 8);
    CHECK(memcmp(a + 4, b, 8) == 0);
    CHECK_EQ(pread(fd, b, 60, 4), 60);
    CHECK(memcmp(a + 4, b, 60) == 0);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 12); // pread does not move the position
    CHECK_EQ(lseek(fd, -10, SEEK_END), st.st_size - 10);
    CHECK_EQ(read(fd, b, 64), 10);
    CHECK_EQ(read(fd, b, 64), 0);
    CHECK_EQ(lseek(fd, 100, SEEK_END), st.st_size + 100);
    CHECK_EQ(read(fd, b, 64), 0);
    CHECK_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_ERRNO(lseek(fd, 0, 99), EINVAL);
    CHECK_ERRNO(write(fd, b, 1), EBADF); // opened for reading
    close(fd);
}

UTEST(file_errors, "file-errors")
{
    struct stat st;
    char b[8], name[300], path[5000];

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    memset(path, '/', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    CHECK_ERRNO(open("/no/such", O_RDONLY), ENOENT);
    CHECK_ERRNO(open("", O_RDONLY), ENOENT);
    CHECK_ERRNO(open("/proc/self/exe/x", O_RDONLY), ENOTDIR);
    CHECK_ERRNO(open("/", O_WRONLY), EISDIR);
    CHECK_ERRNO(open(SELF, O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_ERRNO(open(name, O_RDONLY), ENAMETOOLONG);
    CHECK_ERRNO(open(path, O_RDONLY), ENAMETOOLONG);
    CHECK_ERRNO(stat("/no/such", &st), ENOENT);
    CHECK_ERRNO(chdir("/no/such"), ENOENT);
    CHECK_ERRNO(chdir(SELF), ENOTDIR);
    CHECK_ERRNO(read(99, b, 1), EBADF);
    CHECK_ERRNO(read(-1, b, 1), EBADF);
    CHECK_ERRNO(fstat(99, &st), EBADF);
    CHECK_ERRNO(lseek(99, 0, SEEK_SET), EBADF);
    CHECK_ERRNO(access("/no/such", F_OK), ENOENT);
    int dir = open("/", O_RDONLY);
    CHECK_ERRNO(read(dir, b, 1), EISDIR);
    close(dir);
    if (on_dr7()) { // the archive cannot be written
        char program[256] = "";
        CHECK(readlink(SELF, program, sizeof program - 1) > 0);
        CHECK_ERRNO(open(program, O_WRONLY), EROFS);
        CHECK_ERRNO(open("/new", O_WRONLY | O_CREAT, 0644), EROFS);
    }
}

UTEST(file_directory, "file-directory")
{
    DIR *dir = opendir("/");
    struct stat st;
    bool dev = false, proc = false, dot = false, dotdot = false;
    char cwd[64];

    REQUIRE(dir);
    for (struct dirent *d; (d = readdir(dir));) {
        dev |= strcmp(d->d_name, "dev") == 0;
        proc |= strcmp(d->d_name, "proc") == 0;
        dot |= strcmp(d->d_name, ".") == 0;
        dotdot |= strcmp(d->d_name, "..") == 0;
    }
    closedir(dir);
    CHECK(dev && proc && dot && dotdot);
    CHECK_EQ(stat("/dev", &st), 0);
    CHECK(S_ISDIR(st.st_mode));
    CHECK_EQ(chdir("/proc/../proc/./self/.."), 0);
    CHECK(getcwd(cwd, sizeof cwd) && strcmp(cwd, "/proc") == 0);
    CHECK_EQ(stat("self", &st), 0);
    CHECK_EQ(chdir("/"), 0);
    CHECK_ERRNO(getcwd(cwd, 1) ? 0 : -1, ERANGE);
}

// If the buffer is too small, the next call gives the rest. Each entry comes once.
UTEST(file_getdents, "file-getdents")
{
    char buf[64];
    int fd = open("/dev", O_RDONLY | O_DIRECTORY), names = 0, again = 0;
    long n;

    REQUIRE(fd >= 0);
    CHECK_ERRNO(syscall(SYS_getdents64, fd, buf, 4ul), EINVAL);
    DIR *dir = opendir("/dev");
    while (readdir(dir))
        names++;
    rewinddir(dir);
    while (readdir(dir))
        again++;
    closedir(dir);
    CHECK_EQ(again, names);
    CHECK(names > 4);
    for (again = 0; on_dr7() && (n = syscall(SYS_getdents64, fd, buf, sizeof buf)) > 0;)
        for (long at = 0; at < n; at += *(unsigned short *)(buf + at + 16))
            again++;
    if (on_dr7())
        CHECK_EQ(again, names);
}

UTEST(file_tmp, "file-tmp")
{
    const char *path = "/tmp/utest-file";
    char b[32];
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    REQUIRE(fd >= 0);
    CHECK_EQ(write(fd, "hello", 5), 5);
    CHECK_EQ(lseek(fd, 1, SEEK_SET), 1);
    CHECK_EQ(write(fd, "E", 1), 1);
    close(fd);
    fd = open(path, O_WRONLY | O_APPEND);
    CHECK_EQ(write(fd, " more", 5), 5);
    close(fd);
    fd = open(path, O_RDONLY);
    CHECK_EQ(read(fd, b, sizeof b), 10);
    CHECK(memcmp(b, "hEllo more", 10) == 0);
    CHECK_ERRNO(open(path, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(pread(fd, b, sizeof b, 0), 10); // an open file lives on
    close(fd);
    CHECK_ERRNO(open(path, O_RDONLY), ENOENT);
    CHECK_ERRNO(unlink(path), ENOENT);
}

UTEST(file_devices, "file-devices")
{
    char b[16] = "abc";
    int zero = open("/dev/zero", O_RDWR), null = open("/dev/null", O_RDWR);

    REQUIRE(zero >= 0 && null >= 0);
    CHECK_EQ(read(zero, b, 3), 3);
    CHECK(b[0] == 0 && b[1] == 0 && b[2] == 0);
    CHECK_EQ(read(null, b, 3), 0);
    CHECK_EQ(write(null, b, 3), 3);
    CHECK_EQ(write(zero, b, 3), 3);
    int random = open("/dev/urandom", O_RDONLY);
    CHECK_EQ(read(random, b, 16), 16);
    CHECK(memcmp(b, (char[16]){0}, 16) != 0);
}

// A call that fails changes nothing.
UTEST(file_emfile, "file-emfile")
{
    char path[] = "/tmp/t-file-XXXXXX", new[] = "/tmp/t-file-new";
    int last = 0, fd = mkstemp(path);
    struct stat st;

    REQUIRE(fd >= 0 && write(fd, "12345678", 8) == 8);
    while ((fd = dup(0)) >= 0)
        last = fd;
    CHECK_EQ(errno, EMFILE);
    CHECK(last >= 200);
    CHECK_ERRNO(open("/", O_RDONLY), EMFILE);
    CHECK_ERRNO(open(path, O_RDWR | O_TRUNC), EMFILE);
    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(st.st_size, 8);
    CHECK_ERRNO(open(new, O_RDWR | O_CREAT, 0600), EMFILE);
    CHECK_ERRNO(stat(new, &st), ENOENT);
    int ends[2];
    CHECK_ERRNO(pipe(ends), EMFILE);
    close(last);
    CHECK_ERRNO(pipe(ends), EMFILE); // both descriptors or none
    CHECK_ERRNO(open(new, O_RDWR | O_CREAT | O_DIRECTORY, 0600), EINVAL);
    CHECK_ERRNO(stat(new, &st), ENOENT);
    CHECK_ERRNO(dup2(0, last + 1), EBADF);
    CHECK_EQ(open("/", O_RDONLY), last);
    CHECK_EQ(unlink(path), 0);
}
