// /tmp: directories, links, rename, and files that are shorter than a buffer or a mapping.
#include "test/user/utest.h"
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define PAGE 4096
#define DIR_ "/tmp/t-tmp"

static int new_file(const char *path, const char *text)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0640);

    REQUIRE(fd >= 0);
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

static int names_in(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;

    REQUIRE(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2; // . and ..
}

UTEST(tmp_directories, "tmp-directories")
{
    char path[] = "/tmp/t-XXXXXX", cwd[64];
    struct stat st;

    REQUIRE(mkdtemp(path));
    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(st.st_mode, S_IFDIR | 0700);
    CHECK_EQ(chdir(path), 0);
    CHECK(getcwd(cwd, sizeof cwd) && strcmp(cwd, path) == 0);
    umask(027);
    CHECK_EQ(mkdir("a/", 0777), 0);
    CHECK_EQ(stat("a", &st), 0);
    CHECK_EQ(st.st_mode, S_IFDIR | 0750);
    CHECK_ERRNO(mkdir("a", 0777), EEXIST);
    CHECK_ERRNO(mkdir(".", 0777), EEXIST);
    CHECK_ERRNO(mkdir("no/a", 0777), ENOENT);
    CHECK_ERRNO(mkdir("", 0777), ENOENT);
    close(new_file("a/f", "x"));
    CHECK_ERRNO(mkdir("a/f/g", 0777), ENOTDIR);
    CHECK_ERRNO(rmdir("a"), ENOTEMPTY);
    CHECK_ERRNO(unlink("a"), EISDIR);
    CHECK_ERRNO(rmdir("a/f"), ENOTDIR);
    CHECK_ERRNO(unlink("a/f/"), ENOTDIR);
    CHECK_ERRNO(open("a/g/", O_CREAT | O_RDWR, 0600), EISDIR);
    CHECK_EQ(names_in("a"), 1);
    CHECK_EQ(unlink("a/f"), 0);
    CHECK_EQ(chdir("a"), 0);
    CHECK_ERRNO(rmdir("."), EINVAL);
    CHECK_EQ(rmdir("../a/"), 0);
    CHECK_ERRNO(syscall(SYS_getcwd, cwd, sizeof cwd), ENOENT);
    CHECK_ERRNO(open("f", O_CREAT | O_RDWR, 0600), ENOENT);
    CHECK_EQ(chdir(".."), 0);
    CHECK(getcwd(cwd, sizeof cwd) && strcmp(cwd, path) == 0);
    CHECK_EQ(rmdir(path), 0);
    CHECK_ERRNO(rmdir(path), ENOENT);
}

UTEST(tmp_rename, "tmp-rename")
{
    char text[8] = "";
    struct stat st;

    REQUIRE(mkdir(DIR_, 0755) == 0 && chdir(DIR_) == 0 && mkdir("d", 0755) == 0);
    int old = new_file("old", "old"), fd = new_file("new", "new");
    CHECK_EQ(rename("new", "old"), 0); // replaces the old file
    CHECK_EQ(fstat(old, &st), 0);
    CHECK_EQ(st.st_nlink, 0);
    CHECK_EQ(pread(old, text, 3, 0), 3);
    CHECK(strcmp(text, "old") == 0);
    CHECK_ERRNO(stat("new", &st), ENOENT);
    CHECK_EQ(rename("old", "old"), 0);
    CHECK_EQ(rename("old", "d/f"), 0);
    CHECK_EQ(names_in("."), 1);
    CHECK_EQ(names_in("d"), 1);
    CHECK_ERRNO(rename("none", "d/f"), ENOENT);
    CHECK_ERRNO(rename("d", "d/f"), EINVAL);
    CHECK_ERRNO(rename("d/f", "g/"), ENOTDIR);
    CHECK_ERRNO(rename("d/.", "g"), EBUSY);
    CHECK_EQ(mkdir("e", 0755), 0);
    CHECK_ERRNO(rename("d/f", "e"), EISDIR);
    CHECK_ERRNO(rename("e", "d"), ENOTEMPTY);
    CHECK_ERRNO(rename("e", "d/f"), ENOTDIR);
    CHECK_EQ(rename("d", "e"), 0);
    CHECK_EQ(symlink("e/f", "link"), 0);
    CHECK_ERRNO(symlink("x", "link"), EEXIST);
    CHECK_EQ(lstat("link", &st), 0);
    CHECK_EQ(st.st_size, 3);
    CHECK(S_ISLNK(st.st_mode));
    CHECK_EQ(stat("link", &st), 0);
    CHECK_EQ(st.st_mode, S_IFREG | 0640);
    CHECK_EQ(readlink("link", text, 2), 2);
    CHECK_ERRNO(open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK_EQ(chmod("link", 0600), 0);
    CHECK_EQ(stat("e/f", &st), 0);
    CHECK_EQ(st.st_mode, S_IFREG | 0600);
    CHECK_EQ(unlink("link"), 0);
    CHECK_EQ(unlink("e/f"), 0);
    CHECK_EQ(rmdir("e"), 0);
    CHECK_EQ(rmdir(DIR_), 0);
    close(fd);
    close(old);
}

#define DANGLES "t-dangles"

// A path may lead through forty links, at any place in it.
UTEST(tmp_links, "tmp-links")
{
    char dir[] = "/tmp/t-links-XXXXXX", name[8], next[8], path[128] = "";
    struct stat st;

    REQUIRE(mkdtemp(dir) && chdir(dir) == 0 && mkdir("0", 0700) == 0);
    for (int i = 1; i <= 41; i++) {
        snprintf(name, sizeof name, "%d", i);
        snprintf(next, sizeof next, "%d", i - 1);
        REQUIRE(symlink(next, name) == 0);
    }
    CHECK_EQ(stat("40", &st), 0);
    CHECK(S_ISDIR(st.st_mode));
    CHECK_EQ(stat("40/", &st), 0);
    CHECK_EQ(stat("20/../20/.", &st), 0);
    CHECK_ERRNO(stat("41", &st), ELOOP);
    CHECK_ERRNO(stat("20/../21", &st), ELOOP);
    CHECK_EQ(lstat("41", &st), 0);
    CHECK(S_ISLNK(st.st_mode));
    CHECK_EQ(symlink("loop", "loop"), 0);
    CHECK_ERRNO(open("loop", O_RDONLY), ELOOP);
    CHECK_EQ(symlink("/tmp//", "abs"), 0);
    snprintf(path, sizeof path, "abs/.././tmp/%s/1/../0/", dir + 5);
    CHECK_EQ(stat(path, &st), 0);
    CHECK_ERRNO(stat("abs/none/x", &st), ENOENT);
    CHECK_EQ(unlink("loop") + unlink("abs"), 0);
    // Open with O_CREAT through a dangling link makes its target. With O_EXCL it fails, because the
    // link exists.
    CHECK_EQ(symlink("../" DANGLES, "far") + symlink("far", "near") + symlink("no/x", "lost"), 0);
    CHECK_ERRNO(open("near", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
    CHECK_ERRNO(open("near", O_RDWR | O_CREAT | O_NOFOLLOW, 0600), ELOOP);
    CHECK_ERRNO(open("near/", O_RDWR | O_CREAT, 0600), EISDIR);
    CHECK_ERRNO(open("lost", O_RDWR | O_CREAT, 0600), ENOENT);
    close(open("near", O_RDWR | O_CREAT, 0620));
    CHECK_EQ(stat("/tmp/" DANGLES, &st), 0);
    CHECK_EQ(st.st_mode, S_IFREG | 0600);
    CHECK_EQ(unlink("far") + unlink("near") + unlink("lost") + unlink("/tmp/" DANGLES), 0);
    for (int i = 1; i <= 41; i++) {
        snprintf(name, sizeof name, "%d", i);
        unlink(name);
    }
    CHECK_EQ(rmdir("0"), 0);
    CHECK_EQ(rmdir(dir), 0);
}

// Calls that use a node's parent, while the node moves and the old parent is freed.
static void asks(void *arg)
{
    struct timespec times[2] = {{1, 0}, {2, 0}};
    struct statfs fs;
    char entries[512];
    int fd = *(int *)arg;

    for (long i = scaled(500); i > 0; i--) {
        CHECK_EQ(fchmod(fd, 0700), 0);
        CHECK_EQ(futimens(fd, times), 0);
        CHECK_EQ(fstatfs(fd, &fs), 0);
        lseek(fd, 0, SEEK_SET);
        CHECK(syscall(SYS_getdents64, fd, entries, sizeof entries) > 0);
    }
}

UTEST(tmp_parents, "tmp-parents")
{
    char dir[] = "/tmp/t-par-XXXXXX";
    int status = 0;

    REQUIRE(mkdtemp(dir) && chdir(dir) == 0);
    REQUIRE(mkdir("a", 0700) == 0 && mkdir("b", 0700) == 0 && mkdir("a/d", 0700) == 0);
    int fd = open("a/d", O_RDONLY);
    REQUIRE(fd >= 0);
    pid_t pid = spawn(asks, &fd);
    while (waitpid(pid, &status, WNOHANG) == 0) {
        CHECK_EQ(rename("a/d", "b/d"), 0);
        CHECK(rmdir("a") == 0 && mkdir("a", 0700) == 0);
        CHECK_EQ(rename("b/d", "a/d"), 0);
        CHECK(rmdir("b") == 0 && mkdir("b", 0700) == 0);
    }
    CHECK_EQ(status, 0);
    CHECK(rmdir("a/d") == 0 && rmdir("a") == 0 && rmdir("b") == 0);
    CHECK_EQ(rmdir(dir), 0);
}

// Two pages; the second one is not mapped.
static char *half_there(void)
{
    char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    REQUIRE(p != MAP_FAILED && munmap(p + PAGE, PAGE) == 0);
    return p;
}

UTEST(short_copies, "short-copies")
{
    char *end = half_there() + PAGE, *kernel = (char *)0xffff800000000000, b[16];
    int fd = new_file("/tmp/short", "0123456789"), zero = open("/dev/zero", O_RDONLY), p[2];
    struct iovec v[] = {{b, 2}, {end - 3, 9}, {b, (size_t)-1}};

    REQUIRE(pipe(p) == 0);
    CHECK_EQ(pread(fd, end - 4, 10, 0), 4);
    CHECK(memcmp(end - 4, "0123", 4) == 0);
    CHECK_EQ(pwrite(fd, end - 4, 8, 10), 4);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 14);
    CHECK_ERRNO(pread(fd, end, 1, 0), EFAULT);
    CHECK_ERRNO(pread(fd, kernel, 0, 0), EFAULT);
    CHECK_EQ(pread(fd, end, 0, 0), 0);
    CHECK_ERRNO(write(p[1], end - 5, 9), EFAULT); // a pipe takes all or nothing
    CHECK_EQ(read(zero, end - 7, 9), 7);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(readv(fd, v, 2), 5);
    CHECK_ERRNO(readv(fd, v, 3), EINVAL); // checked before anything is read
    v[1].iov_base = kernel;
    CHECK_ERRNO(writev(fd, v, 2), EFAULT);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 5);
    CHECK_EQ(syscall(SYS_getrandom, end - 6, 100, 0), 6);
    CHECK_EQ(unlink("/tmp/short"), 0);
    close(fd);
    close(zero);
}

static sigjmp_buf back;
static volatile int code;

static void caught(int sig, siginfo_t *info, void *context)
{
    (void)context;
    code = sig == SIGBUS ? info->si_code : -sig;
    siglongjmp(back, 1);
}

static void catch_faults(void)
{
    struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO};

    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
}

// What a read at p raises: the code of SIGBUS, the negative number of another signal, or 0.
static int raised_at(const volatile char *p)
{
    code = 0;
    if (!sigsetjmp(back, 1))
        (void)*p;
    return code;
}

UTEST(map_end, "map-end")
{
    int fd = new_file("/tmp/end", "abc");
    char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    REQUIRE(p != MAP_FAILED);
    catch_faults();
    p[3] = 'd'; // on the last page, after the end of the file
    CHECK_EQ(raised_at(p + PAGE), BUS_ADRERR);
    CHECK_EQ(ftruncate(fd, PAGE + 1), 0);
    p[PAGE] = 1;
    CHECK_EQ(truncate("/tmp/end", 2), 0);
    CHECK_EQ(p[2], 0);
    CHECK_EQ(msync(p, 2 * PAGE, MS_SYNC), 0);
    CHECK_EQ(unlink("/tmp/end"), 0);
    close(fd);
}

// Three mappings of one file of three pages.
struct mappings {
    char *shared, *part, *private; // `part` begins with the second page
    struct gate cut;
};

// What is left of the mappings when the file is cut to a page and a byte.
static void check_cut(const struct mappings *m)
{
    CHECK_EQ(m->shared[0], 'a');
    CHECK_EQ(m->shared[PAGE], 1);
    CHECK_EQ(m->shared[PAGE + 1], 0);
    CHECK_EQ(raised_at(m->shared + 2 * PAGE), BUS_ADRERR);
    CHECK_EQ(m->part[0], 1);
    CHECK_EQ(raised_at(m->part + PAGE), BUS_ADRERR);
    CHECK_EQ(m->private[PAGE], 2);
    CHECK_EQ(raised_at(m->private + 2 * PAGE), BUS_ADRERR); // the private copy is gone, too
    CHECK_ERRNO(access(m->shared + 2 * PAGE, F_OK), EFAULT);
}

static void sees_cut(void *arg)
{
    struct mappings *m = arg;

    gate_wait(&m->cut);
    check_cut(m);
}

// A file that becomes shorter takes the pages out of all its mappings.
UTEST(map_cut, "map-cut")
{
    int rw = PROT_READ | PROT_WRITE, fd = new_file("/tmp/cut", "abc");
    struct mappings m = {.shared = mmap(NULL, 3 * PAGE, rw, MAP_SHARED, fd, 0),
                         .part = mmap(NULL, 2 * PAGE, rw, MAP_SHARED, fd, PAGE),
                         .private = mmap(NULL, 3 * PAGE, rw, MAP_PRIVATE, fd, 0)};

    REQUIRE(m.shared != MAP_FAILED && m.part != MAP_FAILED && m.private != MAP_FAILED);
    catch_faults();
    gate_init(&m.cut);
    CHECK_EQ(ftruncate(fd, 3 * PAGE), 0);
    m.shared[PAGE] = m.shared[PAGE + 1] = m.part[PAGE] = 1;
    m.private[PAGE] = m.private[2 * PAGE] = 2;
    pid_t pid = spawn(sees_cut, &m);
    CHECK_EQ(mprotect(m.part + PAGE, PAGE, PROT_NONE), 0);
    CHECK_EQ(ftruncate(fd, PAGE + 1), 0);
    CHECK_EQ(mprotect(m.part + PAGE, PAGE, PROT_READ), 0);
    check_cut(&m);
    gate_open(&m.cut);
    join(pid);
    CHECK_EQ(ftruncate(fd, 3 * PAGE), 0);
    CHECK_EQ(m.shared[2 * PAGE] + m.part[PAGE] + m.private[2 * PAGE], 0);
    CHECK_EQ(m.private[PAGE], 2);
    close(open("/tmp/cut", O_WRONLY | O_TRUNC));
    CHECK_EQ(raised_at(m.shared), BUS_ADRERR);
    CHECK_EQ(raised_at(m.private + PAGE), BUS_ADRERR);
    CHECK_EQ(unlink("/tmp/cut"), 0);
    close(fd);
}

UTEST(tmp_calls, "tmp-calls")
{
    struct timespec then[2] = {{0}, {.tv_sec = 1234567890}};
    struct statfs fs;
    struct stat st;
    int fd = new_file("/tmp/calls", "x"), p[2];

    REQUIRE(pipe(p) == 0);
    CHECK_EQ(fsync(fd), 0);
    CHECK_EQ(fdatasync(fd), 0);
    CHECK_ERRNO(fsync(p[0]), EINVAL);
    CHECK_EQ(statfs("/tmp", &fs), 0);
    CHECK_EQ(fs.f_type, 0x01021994);
    CHECK_EQ(fstatfs(fd, &fs), 0);
    CHECK_EQ(fs.f_namelen, 255);
    CHECK_EQ(futimens(fd, then), 0);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_mtime, 1234567890);
    CHECK_EQ(utimensat(AT_FDCWD, "/tmp/calls", NULL, 0), 0);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK(st.st_mtime != 1234567890);
    CHECK_EQ(fchmod(fd, 0604), 0);
    CHECK_EQ(chown("/tmp/calls", 0, (gid_t)-1), 0);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_mode, S_IFREG | 0604);
    CHECK_ERRNO(truncate("/tmp/calls", -1), EINVAL);
    CHECK_ERRNO(truncate("/tmp", 0), EISDIR);
    CHECK_EQ(unlink("/tmp/calls"), 0);
    close(fd);
}
