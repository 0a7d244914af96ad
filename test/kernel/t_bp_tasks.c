// Breakpoints that follow their task: preemption, migration, control by another task, and exit.
// Counts are always exact.
#include "arch/x86/platform.h"
#include "test/kernel/bp_test.h"

#define TASKS_PER_CPU 8
#define MAX_WORKERS   (TASKS_PER_CPU * 4)

static volatile u64 shared[4] __aligned(32);
static volatile bool go, stop;

struct worker {
    struct task *task;
    u32 watches;  // 0: a control task
    u64 accesses; // writes to each of shared[0 .. 3]
    u64 hits[4];
    long error;
};

static struct worker workers[MAX_WORKERS + 4];

static void storm_worker(void *arg)
{
    struct worker *w = arg;
    struct perf_event *event[4] = {0};
    for (u32 i = 0; i < w->watches && !w->error; i++) {
        event[i] = bp_open(&shared[i], HW_BREAKPOINT_W, 8);
        if (IS_ERR(event[i]))
            w->error = PTR_ERR(event[i]);
    }
    while (!go)
        schedule();
    for (; !stop; w->accesses++) {
        for (int i = 0; i < 4; i++)
            shared[i] = w->accesses;
        if (w->accesses % 8 == w->watches)
            schedule();
    }
    for (u32 i = 0; i < w->watches; i++)
        if (event[i] && !IS_ERR(event[i]))
            w->hits[i] = bp_close(event[i]);
}

KTEST_HWBP(storm, "switch-storm-kernel", "exact")
{
    u32 cpus = MIN(nr_cpus, 4u), n = TASKS_PER_CPU * cpus;
    u64 wanted = ktest_scale(20000), first = sched_total_switches();
    memset(workers, 0, sizeof(workers));
    go = stop = false;
    for (u32 i = 0; i <= n; i++) { // the last one watches nothing
        workers[i].watches = i == n ? 0 : 1 + i % 4;
        workers[i].task = kthread_create("storm", storm_worker, &workers[i], BIT(cpus) - 1);
        EXPECT(workers[i].task);
    }
    sched_storm = true;
    go = true;
    while (sched_total_switches() - first < wanted)
        schedule();
    stop = true;
    sched_storm = false;
    u64 accesses = 0, migrations = 0;
    for (u32 i = 0; i <= n; i++) {
        struct worker *w = &workers[i];
        task_join(w->task);
        EXPECT_EQ(w->error, 0);
        for (u32 k = 0; k < w->watches; k++)
            EXPECT_EQ(w->hits[k], w->accesses);
        accesses += w->accesses * w->watches;
        migrations += w->task->nr_migrations;
        task_put(w->task);
    }
    ktest_note("%lu watched accesses by %u tasks in %lu switches, %lu migrations", accesses, n,
               sched_total_switches() - first, migrations);
    EXPECT(nr_cpus == 1 || migrations > 0);
}

// ---- another task's breakpoints ----

static volatile u64 steps;

static void stepper(void *)
{
    while (!stop) {
        shared[0] = ++steps;
        schedule();
    }
}

KTEST_HWBP(remote, "bp-other-task", NULL)
{
    stop = false;
    struct task *task = kthread_create("stepper", stepper, NULL, CPUMASK_ALL);
    struct perf_event_attr attr = bp_attr(&shared[0], HW_BREAKPOINT_W, 8);
    for (int round = 0; round < 50; round++) {
        struct perf_event *event = perf_event_create_kernel_counter(&attr, -1, task, NULL, NULL);
        EXPECT(!IS_ERR(event));
        u64 start = steps; // at least some of the steps from here on are watched
        while (steps < start + 5)
            schedule();
        EXPECT(bp_count(event) >= 4);
        perf_event_disable(event);
        u64 frozen = bp_count(event), at = steps;
        while (steps < at + 3)
            schedule();
        EXPECT_EQ(bp_count(event), frozen);
        EXPECT(bp_close(event) <= steps);
    }
    shared[0] = 1; // a write of this task, which must not count
    stop = true;
    task_join(task);
    EXPECT_EQ(PTR_ERR(perf_event_create_kernel_counter(&attr, -1, task, NULL, NULL)), -ESRCH);
    task_put(task);
}

// ---- the end of a task ----

static void write_and_end(void *arg)
{
    u64 n = (u64)arg;
    while (!go)
        schedule();
    for (u64 i = 0; i < n; i++)
        shared[1] = i;
}

KTEST_HWBP(exit, "bp-task-exit", NULL)
{
    go = false;
    struct task *task = kthread_create("ends", write_and_end, (void *)37, CPUMASK_ALL);
    struct perf_event_attr attr = bp_attr(&shared[1], HW_BREAKPOINT_W, 8);
    struct perf_event *event = perf_event_create_kernel_counter(&attr, -1, task, NULL, NULL);
    EXPECT(!IS_ERR(event));
    go = true;
    task_join(task);
    shared[1] = 0;
    EXPECT_EQ(hwbp_live(), 1); // its maker still has it
    EXPECT_EQ(bp_count(event), 37);
    perf_event_enable(event); // too late, but allowed
    EXPECT_EQ(bp_close(event), 37);
    task_put(task);
}

KTEST_HWBP(bound, "bp-task-on-one-cpu", NULL)
{
    u32 cpu = nr_cpus - 1;
    struct perf_event_attr attr = bp_attr(&shared[2], HW_BREAKPOINT_W, 8);
    struct perf_event *event =
        perf_event_create_kernel_counter(&attr, cpu, current_task(), NULL, NULL);
    EXPECT(!IS_ERR(event));
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(cpu)), 0);
    shared[2] = 1;
    EXPECT_EQ(bp_count(event), 1);
    if (nr_cpus > 1) {
        EXPECT_EQ(sched_set_affinity(current_task(), BIT(0)), 0);
        shared[2] = 2;
        EXPECT_EQ(bp_count(event), 1);
    }
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
    perf_event_release_kernel(event);
}
