// The three times of a file: which call changes which time. All files are in /tmp.
#include "test/user/utest.h"
#include <dirent.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define FILE_ "/tmp/t-times"
#define FAR   (1ll << 40) // seconds: the latest time that fits

static struct stat st;

static bool equal(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

// Sets all times but ctime to long ago, so that a later change shows. Returns the file's times.
static struct stat long_ago(const char *path)
{
    const struct timespec times[2] = {{1000, 1}, {2000, 999999999}};

    REQUIRE(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) == 0);
    REQUIRE(lstat(path, &st) == 0);
    CHECK(equal(st.st_atim, times[0]));
    CHECK(equal(st.st_mtim, times[1]));
    CHECK(st.st_ctim.tv_sec > 1000000);
    return st;
}

#define READ    1
#define WRITTEN 2

// The times that have changed since then. A write changes the ctime at the same moment.
static int changed(const char *path, const struct stat *then)
{
    REQUIRE(lstat(path, &st) == 0);
    int what = (equal(st.st_atim, then->st_atim) ? 0 : READ) |
               (equal(st.st_mtim, then->st_mtim) ? 0 : WRITTEN);
    if (what & WRITTEN)
        CHECK(equal(st.st_mtim, st.st_ctim));
    return what;
}

UTEST(times_file, "times-file")
{
    int fd = open(FILE_, O_RDWR | O_CREAT | O_EXCL, 0600);
    char b[4];

    REQUIRE(fd >= 0 && fstat(fd, &st) == 0);
    CHECK(equal(st.st_atim, st.st_mtim) && equal(st.st_mtim, st.st_ctim));
    struct stat then = long_ago(FILE_);
    CHECK_EQ(write(fd, "abc", 0), 0);
    CHECK_EQ(changed(FILE_, &then), 0);
    CHECK_EQ(write(fd, "abc", 3), 3);
    CHECK_EQ(changed(FILE_, &then), WRITTEN);
    then = long_ago(FILE_);
    CHECK_EQ(pread(fd, b, 4, 0), 3);
    CHECK_EQ(changed(FILE_, &then), READ);
    then = long_ago(FILE_);
    CHECK_EQ(truncate(FILE_, 3), 0); // the file has this size already
    CHECK_EQ(changed(FILE_, &then), WRITTEN);
    then = long_ago(FILE_);
    CHECK_EQ(ftruncate(fd, 2), 0);
    CHECK_EQ(changed(FILE_, &then), WRITTEN);
    then = long_ago(FILE_);
    close(open(FILE_, O_RDONLY));
    CHECK_EQ(changed(FILE_, &then), 0);
    close(open(FILE_, O_WRONLY | O_TRUNC));
    CHECK_EQ(changed(FILE_, &then), WRITTEN);
    then = long_ago(FILE_);
    CHECK(mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
    CHECK_EQ(changed(FILE_, &then), READ);
    then = long_ago(FILE_);
    CHECK_EQ(chmod(FILE_, 0640) + chown(FILE_, 0, 0) + rename(FILE_, FILE_ "2"), 0);
    CHECK_EQ(changed(FILE_ "2", &then), 0);
    CHECK_EQ(unlink(FILE_ "2"), 0);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK(equal(st.st_mtim, then.st_mtim));
}

// The first read changes the atime. Later reads do not, until the file is written again.
UTEST(times_read, "times-read")
{
    int fd = open(FILE_, O_RDWR | O_CREAT | O_EXCL, 0600);
    struct timespec times[2] = {{FAR, 5}, {2000, 0}};
    char b[4];

    REQUIRE(fd >= 0 && write(fd, "a", 1) == 1 && futimens(fd, times) == 0);
    CHECK_EQ(pread(fd, b, 4, 0), 1);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK(equal(st.st_atim, times[0]));
    times[1] = (struct timespec){FAR, 5};
    CHECK_EQ(futimens(fd, times), 0);
    CHECK_EQ(pread(fd, b, 4, 0), 1);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK(!equal(st.st_atim, times[0]));
    CHECK(equal(st.st_mtim, times[1]));
    CHECK_EQ(unlink(FILE_), 0);
}

UTEST(times_set, "times-set")
{
    int fd = open(FILE_, O_RDWR | O_CREAT | O_EXCL, 0600);
    struct timespec times[2] = {{-1, 7}, {0, UTIME_OMIT}};

    REQUIRE(fd >= 0);
    struct stat then = long_ago(FILE_);
    CHECK_EQ(futimens(fd, times), 0);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK(equal(st.st_atim, times[0]));
    CHECK(equal(st.st_mtim, then.st_mtim));
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_nsec = UTIME_NOW;
    CHECK_EQ(futimens(fd, times), 0);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_atim.tv_nsec, 7);
    CHECK(equal(st.st_mtim, st.st_ctim));
    times[1].tv_nsec = UTIME_OMIT;
    CHECK_EQ(utimensat(AT_FDCWD, "/no/such", times, 0),
             0); // with nothing to do, nothing is checked
    times[0].tv_nsec = 1000000000;
    CHECK_ERRNO(futimens(fd, times), EINVAL);
    times[0].tv_nsec = -1;
    CHECK_ERRNO(futimens(fd, times), EINVAL);
    CHECK_ERRNO(utimensat(AT_FDCWD, FILE_, NULL, 1), EINVAL);
    CHECK_ERRNO(utimensat(AT_FDCWD, "/no/such", NULL, 0), ENOENT);
    CHECK_ERRNO(futimens(99, NULL), EBADF);
    CHECK_EQ(unlink(FILE_), 0);
}

// Each change of a name changes the times of its directory.
UTEST(times_directory, "times-directory")
{
    char dir[] = "/tmp/t-times-XXXXXX", text[8];

    REQUIRE(mkdtemp(dir) && chdir(dir) == 0 && mkdir("d", 0700) == 0);
    struct stat then = long_ago(".");
    close(open("f", O_CREAT | O_RDWR, 0600));
    CHECK_EQ(changed(".", &then), WRITTEN);
    then = long_ago(".");
    CHECK_EQ(symlink("none", "l"), 0);
    CHECK_EQ(changed(".", &then), WRITTEN);
    then = long_ago(".");
    CHECK_EQ(rename("f", "d/f"), 0);
    CHECK_EQ(changed(".", &then), WRITTEN);
    then = long_ago("d");
    CHECK_EQ(unlink("d/f"), 0);
    CHECK_EQ(changed("d", &then), WRITTEN);
    then = long_ago(".");
    DIR *listing = opendir(".");
    REQUIRE(listing && readdir(listing));
    closedir(listing);
    CHECK_EQ(changed(".", &then), READ);
    then = long_ago("l");
    CHECK_EQ(readlink("l", text, sizeof text), 4);
    CHECK_EQ(changed("l", &then), READ);
    CHECK_EQ(unlink("l") + rmdir("d") + chdir("/") + rmdir(dir), 0);
}
