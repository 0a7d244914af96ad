// A debugger that stops the machine may ask for a slot in the middle of a change of the slots. The
// answer must be -EBUSY then.
#include "debug/kgdb/stopped.h"
#include "test/kernel/bp_test.h"

static int answer;

// Runs in the #DB of a write by a task that holds the mutex of the claims.
static void ask(struct perf_event *, struct trapframe *)
{
    static struct hwbp_stopped s;
    s.claim = (struct bp_claim){.cpu = -1, .pinned = true};
    answer = hwbp_stopped_set(&s, (u64)&answer, HW_BREAKPOINT_W, 4);
    if (!answer) {
        hwbp_stopped_clear(&s);
        hwbp_stopped_release(&s);
    }
}

KTEST_HWBP(slots_busy, "slots-busy", "exact")
{
    struct perf_event_attr attr = bp_attr(&claims.nr_refusals, HW_BREAKPOINT_W, 8);
    struct perf_event *event =
        perf_event_create_kernel_counter(&attr, -1, current_task(), ask, NULL);
    EXPECT(!IS_ERR(event));
    answer = 0;
    EXPECT_EQ(PTR_ERR(bp_open(&answer, HW_BREAKPOINT_R, 4)), -EINVAL); // counted: this hits
    EXPECT_EQ(answer, -EBUSY);
    EXPECT_EQ(bp_close(event), 1);
}
