// Clocks, sleeping, affinity, random numbers, and other small calls.
#include "test/user/utest.h"
#include <pthread.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>

UTEST(clock, "clock")
{
    struct timespec t;
    uint64_t last = now_ns();

    for (int i = 0; i < 1000; i++) {
        uint64_t now = now_ns();
        CHECK(now >= last);
        last = now;
    }
    CHECK_EQ(clock_gettime(CLOCK_REALTIME, &t), 0);
    CHECK(t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
    CHECK_ERRNO(syscall(SYS_clock_gettime, 999, &t), EINVAL);
    CHECK_ERRNO(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, bad_pointer()), EFAULT);
}

// Time must not run backwards when a task moves between CPUs.
UTEST(clock_cpus, "clock-cpus")
{
    int cpus = online_cpus();
    uint64_t last = now_ns();

    if (cpus == 1)
        utest_skip("needs two CPUs");
    for (long i = 0; i < scaled(400); i++) {
        pin_to_cpu((int)(i % cpus));
        uint64_t now = now_ns();
        if (now < last)
            CHECK_EQ(now - last, 0);
        last = now;
    }
}

UTEST(clock_cpu, "clock-cpu")
{
    struct timespec ts;
    clockid_t own, thread;

    CHECK_EQ(clock_getcpuclockid(0, &own), 0);
    CHECK_EQ(clock_gettime(own, &ts), 0);
    CHECK_EQ(clock_getcpuclockid(getppid(), &own), 0);
    CHECK(clock_getcpuclockid(1234567, &own) != 0);
    CHECK_EQ(pthread_getcpuclockid(pthread_self(), &thread), 0);
    do
        CHECK_EQ(clock_gettime(thread, &ts), 0);
    while (!ts.tv_nsec);
    CHECK_ERRNO(clock_gettime(-1, &ts), EINVAL);
    CHECK_EQ(clock_gettime(CLOCK_TAI, &ts), 0);
    ts = (struct timespec){0};
    CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL), EOPNOTSUPP);
    CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &ts, NULL), EOPNOTSUPP);
    CHECK_ERRNO(syscall(SYS_clock_nanosleep, 99, 0, &ts, NULL), EINVAL);
}

UTEST(nanosleep, "nanosleep")
{
    struct timespec bad = {0, 1000000000}, t = {0, 30000000};
    uint64_t start = now_ns();

    CHECK_EQ(nanosleep(&t, NULL), 0);
    CHECK(now_ns() - start >= 30000000);
    CHECK(now_ns() - start < 20000000000);
    CHECK_ERRNO(nanosleep(&bad, NULL), EINVAL);
    CHECK_ERRNO(nanosleep(bad_pointer(), NULL), EFAULT);
    t.tv_nsec = 0;
    CHECK_EQ(nanosleep(&t, NULL), 0);
}

UTEST(affinity, "affinity")
{
    cpu_set_t set, empty;
    int cpus = online_cpus();

    CPU_ZERO(&empty);
    CHECK_ERRNO(sched_setaffinity(0, sizeof empty, &empty), EINVAL);
    CHECK_ERRNO(sched_setaffinity(0, sizeof set, bad_pointer()), EFAULT);
    CHECK_ERRNO(sched_setaffinity(1234567, sizeof set, &set), ESRCH);
    for (int cpu = 0; cpu < cpus; cpu++) {
        unsigned now = 999;
        pin_to_cpu(cpu);
        CHECK_EQ(syscall(SYS_getcpu, &now, NULL, NULL), 0);
        CHECK_EQ(now, cpu); // the task moves at once, not at the next tick
        CHECK_EQ(sched_getaffinity(0, sizeof set, &set), 0);
        CHECK_EQ(CPU_COUNT(&set), 1);
        CHECK(CPU_ISSET(cpu, &set));
    }
}

static void spin_until(void *arg)
{
    volatile bool *stop = arg;
    while (!*stop)
        continue;
}

// A task that never yields must not stop others on the same CPU from running.
UTEST(preemption, "preemption")
{
    volatile bool *stop = shared_memory(4096);
    pid_t pids[3];

    pin_to_cpu(0);
    for (int i = 0; i < 3; i++)
        pids[i] = spawn(spin_until, (void *)stop);
    sleep_ms(50);
    CHECK_EQ(sched_yield(), 0);
    *stop = true;
    for (int i = 0; i < 3; i++)
        join(pids[i]);
}

UTEST(getrandom, "getrandom")
{
    unsigned char a[32] = {0}, b[32] = {0};

    CHECK_EQ(getrandom(a, sizeof a, 0), sizeof a);
    CHECK_EQ(getrandom(b, sizeof b, 0), sizeof b);
    CHECK(memcmp(a, b, sizeof a) != 0);
    CHECK_ERRNO(getrandom(bad_pointer(), 8, 0), EFAULT);
    CHECK_ERRNO(getrandom(a, 8, 0x80), EINVAL);
}

UTEST(misc_calls, "misc-calls")
{
    struct utsname name;

    CHECK_EQ(uname(&name), 0);
    CHECK(strcmp(name.machine, "x86_64") == 0);
    CHECK_ERRNO(syscall(SYS_uname, bad_pointer()), EFAULT);
    CHECK_ERRNO(syscall(987), ENOSYS);
    CHECK_ERRNO(syscall(-1), ENOSYS);
}
