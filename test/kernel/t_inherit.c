// Events that a new task inherits, when memory runs out.
#include "kernel/checks/failure.h"
#include "linux/perf/perf.h"
#include "linux/perf/record.h"
#include "test/kernel/bp_test.h"

static volatile u64 target;

static void never_runs(void *)
{
}

// Each allocation fails once. A copy that could not be made leaves no listener behind.
KTEST_HWBP(oom_inherit, "oom.inherit", NULL)
{
    if (!DEBUG_BUILD)
        return ktest_skip("only the debug build lets memory run out");
    struct perf_event_attr attr = bp_attr(&target, HW_BREAKPOINT_W, 8);
    attr.inherit = attr.comm = 1;
    struct perf_event *event =
        perf_event_create_kernel_counter(&attr, -1, current_task(), NULL, NULL);
    u64 nth = 0, left;
    int err;
    do {
        struct task *child = task_new("child", never_runs, NULL, CPUMASK_ALL);
        mm_inject_failure(++nth);
        err = perf_fork(child, true);
        left = mm_inject_failure(0);
        EXPECT_EQ(err, left ? 0 : -ENOMEM);
        if (!err)
            perf_fork_failed(child);
        task_put(child);
    } while (err);
    EXPECT_EQ(nth, 4); // three failures: the child's context, the copy, its tally
    EXPECT(perf_record_wanted());
    perf_event_release_kernel(event);
    EXPECT(!perf_record_wanted());
}
