// Memory that runs out while breakpoints are made through the in-kernel interface: each allocation
// fails once, and nothing is left behind.
#include "kernel/checks/failure.h"
#include "kernel/mm/heap.h"
#include "test/kernel/bp_test.h"

static volatile u64 target;

static void *open_wide(struct task *)
{
    struct perf_event_attr attr = bp_attr(&target, HW_BREAKPOINT_W, 8);
    return hwbp_register_wide(&attr, NULL, NULL);
}

static void close_wide(void *wide)
{
    hwbp_unregister_wide(wide);
}

static void *open_for_task(struct task *task)
{
    struct perf_event_attr attr = bp_attr(&target, HW_BREAKPOINT_W, 8);
    return perf_event_create_kernel_counter(&attr, -1, task, NULL, NULL);
}

static void *open_on_last_cpu(struct task *task)
{
    struct perf_event_attr attr = bp_attr(&target, HW_BREAKPOINT_W, 8);
    return perf_event_create_kernel_counter(&attr, nr_cpus - 1, task, NULL, NULL);
}

static void *open_for_cpu(struct task *)
{
    return bp_open_cpu(&target, HW_BREAKPOINT_W, 8, 0);
}

static void close_event(void *event)
{
    perf_event_release_kernel(event);
}

// Returns how many allocations it took.
static u64 fail_each(void *(*open)(struct task *), void (*close)(void *), struct task *task)
{
    for (u64 nth = 1;; nth++) {
        mm_inject_failure(nth);
        void *got = open(task);
        u64 left = mm_inject_failure(0);
        if (!IS_ERR(got)) {
            EXPECT(left > 0); // success only because the failure was not reached
            close(got);
            return nth - 1;
        }
        EXPECT_EQ(PTR_ERR(got), -ENOMEM);
        EXPECT_EQ(left, 0);
        EXPECT_EQ(hwbp_live(), 0);
        hwbp_check_slots();
    }
}

static void idle_task(void *arg)
{
    while (!*(volatile bool *)arg)
        schedule();
}

KTEST_HWBP(oom_kernel, "oom.kernel", NULL)
{
    if (!DEBUG_BUILD)
        return ktest_skip("only the debug build lets memory run out");
    u64 heap = heap_bytes, failures = 0;
    bool stop = false;
    failures += fail_each(open_wide, close_wide, NULL);
    failures += fail_each(open_for_cpu, close_event, NULL);
    EXPECT(heap_bytes <= heap);
    struct task *task = kthread_create("idles", idle_task, &stop, CPUMASK_ALL);
    failures += fail_each(open_for_task, close_event, task); // its first event: context and tally
    failures += fail_each(open_on_last_cpu, close_event, task); // its first for one CPU: rows
    stop = true;
    task_join(task);
    task_put(task);
    ktest_note("%lu allocations failed", failures);
}
