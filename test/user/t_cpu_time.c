// CPU time: how much of it was spent in the kernel.
#include "test/user/utest.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>

#define ENOUGH_NS 400000000ull // a hundred ticks

static uint64_t ns(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_usec * 1000;
}

static uint64_t own_time(void)
{
    struct timespec t;

    CHECK_EQ(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void in_user(void)
{
    for (volatile int i = 0; i < 100000; i++)
        ;
}

static void in_kernel(void)
{
    static char buffer[65536];
    static int fd = -1;

    if (fd < 0)
        REQUIRE((fd = open("/dev/zero", O_RDONLY)) >= 0);
    for (int i = 0; i < 16; i++)
        REQUIRE(read(fd, buffer, sizeof buffer) == sizeof buffer);
}

// Repeats step() for long enough. Neither part of the time may ever become less.
static struct rusage use(int who, void (*step)(void))
{
    struct rusage now, before = {0};

    while (own_time() < ENOUGH_NS) {
        step();
        CHECK_EQ(getrusage(who, &now), 0);
        CHECK(ns(now.ru_utime) >= ns(before.ru_utime));
        CHECK(ns(now.ru_stime) >= ns(before.ru_stime));
        before = now;
    }
    return now;
}

static void mostly_user(void *)
{
    struct rusage u = use(RUSAGE_SELF, in_user);

    CHECK(ns(u.ru_utime) > 4 * ns(u.ru_stime));
}

static void mostly_kernel(void *)
{
    struct rusage u = use(RUSAGE_THREAD, in_kernel);
    struct tms t;

    CHECK(ns(u.ru_stime) > 4 * ns(u.ru_utime));
    CHECK_EQ(getrusage(RUSAGE_SELF, &u), 0);
    CHECK(ns(u.ru_stime) > 4 * ns(u.ru_utime));
    CHECK(times(&t) >= 0);
    CHECK(t.tms_stime >= 30); // of 40
}

// The times in /proc/PID/stat: user and system time, and those of the children.
static void stat_times(pid_t pid, unsigned long part[4])
{
    char path[40], line[600] = "";

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY);
    REQUIRE(fd >= 0 && read(fd, line, sizeof line - 1) > 0 && strrchr(line, ')'));
    close(fd);
    const char *fields = ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu";
    CHECK_EQ(sscanf(strrchr(line, ')'), fields, &part[0], &part[1], &part[2], &part[3]), 4);
}

UTEST(cpu_time, "cpu-time")
{
    pid_t user = spawn(mostly_user, NULL), kernel = spawn(mostly_kernel, NULL);
    unsigned long part[4];
    siginfo_t info;
    struct rusage u;

    CHECK_EQ(waitid(P_PID, (id_t)kernel, &info, WEXITED | WNOWAIT), 0);
    stat_times(kernel, part);
    CHECK(part[1] >= 30 && part[0] < 10); // in hundredths of a second
    join(kernel);
    CHECK_EQ(getrusage(RUSAGE_CHILDREN, &u), 0);
    CHECK(ns(u.ru_stime) > 4 * ns(u.ru_utime) && ns(u.ru_stime) >= ENOUGH_NS / 2);
    stat_times(getpid(), part);
    CHECK(part[3] >= 30 && part[2] < 10);
    join(user);
    CHECK_EQ(getrusage(RUSAGE_CHILDREN, &u), 0);
    CHECK(ns(u.ru_utime) + ns(u.ru_stime) >= 2 * ENOUGH_NS - 2000);
    CHECK(ns(u.ru_utime) > ns(u.ru_stime) / 2);
}
