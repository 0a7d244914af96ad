// Memory that runs out while events are made, mapped and inherited.
#include "test/user/oom.h"
#include <sys/mman.h>

static volatile uint64_t word[4];
static pid_t target;
static int leader;

static long open_self(void)
{
    return bp_open(HW_BREAKPOINT_W, &word[0], 8);
}

static long open_other(void)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &word[0], 8);

    return bp_open_attr(&attr, target, -1);
}

// The task's context has no list for this CPU yet.
static long open_on_cpu(void)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &word[0], 8);

    return bp_open_attr(&attr, target, 0);
}

static long open_sibling(void)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &word[1], 8);

    attr.pinned = 0;
    return syscall(SYS_perf_event_open, &attr, 0, -1, leader, 0ul);
}

static long open_soft(void)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attr};

    attr.config = PERF_COUNT_SW_DUMMY;
    return bp_open_attr(&attr, target, -1);
}

static void wait_forever(void *arg)
{
    gate_wait(arg);
}

static const struct {
    const char *what;
    long (*open)(void);
} of_task[] = {
    {"open for another task", open_other},
    {"open of a task's software event", open_soft},
    {"open for a task on one CPU", open_on_cpu},
};

static void test_open(void)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &word[2], 8);
    struct gate gate;

    oom_each("open of the first event", open_self, oom_close, ENOMEM);
    oom_each("open of another", open_self, oom_close, ENOMEM);
    attr.pinned = 0;
    REQUIRE((leader = bp_open_attr(&attr, 0, -1)) >= 0);
    oom_each("open of a sibling", open_sibling, oom_close, ENOMEM);
    close(leader);
    gate_init(&gate);
    for (int i = 0; i < 3; i++) {
        target = spawn(wait_forever, &gate);
        oom_each(of_task[i].what, of_task[i].open, oom_close, ENOMEM);
        gate_open(&gate);
        join(target);
    }
    close(gate.fd[0]), close(gate.fd[1]);
}

// ---- the buffer ----

#define BUFFER (5 * 4096ul)

static long map_buffer(void)
{
    void *p = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_SHARED, leader, 0);

    return p == MAP_FAILED ? -1 : (long)p;
}

static void unmap_buffer(long at)
{
    CHECK_EQ(munmap((void *)at, BUFFER), 0);
}

static void test_buffer(void)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &word[2], 8);

    attr.sample_period = 1;
    REQUIRE((leader = bp_open_attr(&attr, 0, -1)) >= 0);
    oom_each("mmap of a buffer", map_buffer, unmap_buffer, ENOMEM);
    close(leader);
}

// ---- inheritance ----

static long raw_fork(void)
{
    long pid = syscall(SYS_fork); // the library's fork() makes other calls first

    if (pid == 0)
        syscall(SYS_exit_group, 0);
    return pid;
}

static void reap(long pid)
{
    join((pid_t)pid);
}

static void test_inherit(void)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &word[0], 8);
    int fd[4];

    attr.inherit = 1;
    for (int i = 0; i < 4; i++) { // a group of three, and a pinned one
        attr.pinned = i == 3;
        fd[i] = (int)syscall(SYS_perf_event_open, &attr, 0, -1, i % 3 ? fd[0] : -1, 0ul);
        REQUIRE(fd[i] >= 0);
    }
    oom_each("fork with four inherited events", raw_fork, reap, ENOMEM);
    store8(&word[0], 1);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(bp_end(fd[i]), 1);
}

static void round_of_perf(void)
{
    test_open();
    test_buffer();
    test_inherit();
}

UTEST_TYPE(oom_perf, "oom.perf")
{
    oom_rounds(round_of_perf);
}
