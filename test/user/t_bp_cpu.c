// Breakpoints of a CPU, and of a task on one CPU.
#include "test/user/bp_test.h"
#include <sched.h>

static volatile uint64_t v;

struct run {
    int cpu;
    long stores;
};

static void store_there(void *arg)
{
    struct run *r = arg;
    pin_to_cpu(r->cpu);
    for (long i = 0; i < r->stores; i++) {
        store8(&v, (uint64_t)i);
        if (i % 16 == 0)
            sched_yield();
    }
}

// Counts the accesses of all tasks on its CPU, and none on other CPUs.
UTEST_HWBP(bp_cpu, "bp-cpu")
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &v, 8);
    int cpus = online_cpus(), fd[64];
    struct run run[64];
    pid_t pids[64][2];

    if (cpus > 64)
        cpus = 64;
    for (int cpu = 0; cpu < cpus; cpu++) {
        fd[cpu] = bp_open_attr(&attr, -1, cpu);
        REQUIRE(fd[cpu] >= 0);
        run[cpu] = (struct run){cpu, scaled(1000) + cpu};
    }
    for (int cpu = 0; cpu < cpus; cpu++)
        for (int i = 0; i < 2; i++)
            pids[cpu][i] = spawn(store_there, &run[cpu]);
    for (int cpu = 0; cpu < cpus; cpu++)
        for (int i = 0; i < 2; i++)
            join(pids[cpu][i]);
    for (int cpu = 0; cpu < cpus; cpu++)
        CHECK_EQ(bp_end(fd[cpu]), 2 * run[cpu].stores);
}

UTEST_HWBP(bp_task_cpu, "bp-task-on-cpu")
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &v, 8);
    int cpus = online_cpus();
    int fd = bp_open_attr(&attr, 0, cpus - 1);
    struct run other = {cpus - 1, 50};

    REQUIRE(fd >= 0);
    if (cpus > 1) {
        pin_to_cpu(0);
        store8(&v, 1);
        CHECK_EQ(bp_read(fd), 0);
    }
    pin_to_cpu(cpus - 1);
    for (int i = 0; i < 30; i++)
        store8(&v, 1);
    CHECK_EQ(bp_read(fd), 30);
    join(spawn(store_there, &other)); // on the right CPU, but by another task
    CHECK_EQ(bp_end(fd), 30);
}

// A task that moves between CPUs takes its breakpoint along.
UTEST_HWBP(bp_migrate, "bp-migrate")
{
    int cpus = online_cpus(), fd = bp_must(HW_BREAKPOINT_W, &v, 8);
    long rounds = scaled(500);

    for (long i = 0; i < rounds; i++) {
        store8(&v, 1);
        pin_to_cpu((int)(i % cpus));
        store8(&v, 1);
    }
    CHECK_EQ(bp_end(fd), 2 * rounds);
}

// A task's and a CPU's breakpoints at once.
UTEST_SEVERAL(bp_mixed, "bp-cpu-and-task")
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &v, 8);
    int cpu = bp_open_attr(&attr, -1, 0), task = bp_must(HW_BREAKPOINT_W, &v, 8);
    struct run other = {0, 20};

    REQUIRE(cpu >= 0);
    pin_to_cpu(0);
    for (int i = 0; i < 10; i++)
        store8(&v, 1);
    join(spawn(store_there, &other));
    CHECK_EQ(bp_end(task), 10);
    CHECK_EQ(bp_end(cpu), 30);
}
