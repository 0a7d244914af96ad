// /proc/PID/fd: what a process has open, by name.
#include "test/user/utest.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *link_of(pid_t pid, int fd)
{
    static char path[64], text[256];
    ssize_t len;

    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
    len = readlink(path, text, sizeof text - 1);
    text[len < 0 ? 0 : len] = '\0';
    return text;
}

static void check_link(pid_t pid, int fd, const char *want)
{
    const char *is = link_of(pid, fd);

    if (strcmp(is, want) != 0)
        utest_fail(__FILE__, __LINE__, "descriptor %d is '%s', want '%s'", fd, is, want);
}

// Checks type and permissions of the link, and that it leads to the right inode.
static void check_mode(int fd, unsigned mode)
{
    char path[64];
    struct stat link, to, direct;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    CHECK_EQ(lstat(path, &link), 0);
    CHECK_EQ(link.st_mode, S_IFLNK | mode);
    CHECK_EQ(stat(path, &to), 0);
    CHECK_EQ(fstat(fd, &direct), 0);
    CHECK_EQ(to.st_ino, direct.st_ino);
    CHECK_EQ(to.st_mode, direct.st_mode);
}

UTEST(fd_names, "proc-fd")
{
    int null = open("/dev/null", O_WRONLY), maps = open("/proc/self/maps", O_RDONLY);
    int event = eventfd(0, 0), directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
    int ends[2];
    char want[64];
    struct stat st;

    REQUIRE(null >= 0 && maps >= 0 && event >= 0 && directory >= 0 && pipe(ends) == 0);
    check_link(getpid(), null, "/dev/null");
    check_link(getpid(), event, "anon_inode:[eventfd]");
    snprintf(want, sizeof want, "/proc/%d/maps", (int)getpid());
    check_link(getpid(), maps, want);
    snprintf(want, sizeof want, "/proc/%d/fd", (int)getpid());
    check_link(getpid(), directory, want);
    CHECK_EQ(fstat(ends[0], &st), 0);
    snprintf(want, sizeof want, "pipe:[%lu]", (unsigned long)st.st_ino);
    check_link(getpid(), ends[0], want);
    check_link(getpid(), ends[1], want);
    check_mode(null, 0300);
    check_mode(maps, 0500);
    check_mode(ends[0], 0500);
    CHECK_EQ(lstat("/proc/self/fd", &st), 0);
    CHECK_EQ(st.st_mode, S_IFDIR | 0500);
    snprintf(want, sizeof want, "/proc/self/fd/%d", event);
    CHECK_ERRNO(open(want, O_RDWR), ENXIO);
    close(maps);
    check_link(getpid(), maps, "");
    CHECK_ERRNO(readlink("/proc/self/fd/00", want, sizeof want), ENOENT);
    CHECK_ERRNO(readlink("/proc/self/fd/4000000000", want, sizeof want), ENOENT);
}

UTEST_TYPE(fd_perf, "proc-fd-perf")
{
    static volatile long word;
    int fd = bp_open(HW_BREAKPOINT_W, &word, sizeof word);

    REQUIRE(fd >= 0);
    check_link(getpid(), fd, "anon_inode:[perf_event]");
}

UTEST(fd_deleted, "proc-fd-deleted")
{
    char path[] = "/tmp/fd-XXXXXX", want[64], text[8] = "";
    int fd = mkstemp(path), again;

    REQUIRE(fd >= 0);
    check_link(getpid(), fd, path);
    check_mode(fd, 0700);
    CHECK_EQ(write(fd, "kept", 4), 4);
    CHECK_EQ(unlink(path), 0);
    snprintf(want, sizeof want, "%s (deleted)", path);
    check_link(getpid(), fd, want);
    snprintf(want, sizeof want, "/proc/self/fd/%d", fd);
    again = open(want, O_RDONLY); // the file itself, which has no name
    REQUIRE(again >= 0);
    CHECK_EQ(read(again, text, 4), 4);
    CHECK(strcmp(text, "kept") == 0);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
}

// The set of numbers that the directory lists, as bits.
static unsigned long listed(pid_t pid)
{
    char path[64];
    unsigned long set = 0;
    struct dirent *e;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *d = opendir(path);
    REQUIRE(d);
    while ((e = readdir(d)))
        if (e->d_name[0] != '.')
            set |= 1ul << atoi(e->d_name);
    closedir(d);
    return set;
}

static void hold(void *gates)
{
    struct gate *g = gates;

    for (int fd = 0; fd < 64; fd++)
        if (fd != g[0].fd[0] && fd != g[1].fd[1])
            close(fd);
    CHECK_EQ(dup2(g[0].fd[0], 40), 40);
    gate_open(&g[1]);
    gate_wait(&g[0]);
}

UTEST(fd_other, "proc-fd-other")
{
    struct gate g[2];

    gate_init(&g[0]);
    gate_init(&g[1]);
    pid_t pid = spawn(hold, g);
    gate_wait(&g[1]);
    CHECK_EQ(listed(pid), 1ul << g[0].fd[0] | 1ul << g[1].fd[1] | 1ul << 40);
    CHECK(strncmp(link_of(pid, 40), "pipe:[", 6) == 0);
    gate_open(&g[0]);
    siginfo_t info;
    CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    CHECK_EQ(listed(pid), 0); // a zombie has no descriptors
    check_link(pid, 40, "");
    join(pid);
}
