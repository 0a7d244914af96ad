// Events that measure, and need no register: alone and in groups.
#include "linux/perf/abi.h"
#include "test/kernel/perf_test.h"

static struct perf_event *open_clock(struct perf_event *leader)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
                                   .size = sizeof(attr),
                                   .config = PERF_COUNT_SW_TASK_CLOCK,
                                   .disabled = 1};
    struct perf_request r = {.attr = &attr, .cpu = -1, .task = current_task(), .leader = leader};
    return perf_event_create(&r);
}

// A clock counts the time in which it runs, from the last reset on. It has counted all of it when
// it stops, and before anybody reads it: a sample of its group tells its count.
KTEST(perf_clock, "perf-clock", NULL)
{
    struct perf_event *clock = event[0] = open_clock(NULL);
    u64 flags = hold();
    enable(0);
    pass(5 * TICK);
    perf_ctx_run(clock, perf_set_zero, NULL);
    EXPECT_EQ(clock->count, 0);
    pass(2 * TICK);
    disable(0);
    EXPECT_EQ(clock->count, 2 * TICK);
    pass(TICK);
    enable(0);
    pass(TICK);
    disable(0);
    EXPECT_EQ(clock->count, 3 * TICK);
    expect_times(clock, 8, 8);
    EXPECT(!clock->ctx->waits);
    go_on(flags);
    EXPECT_EQ(bp_close(clock), 3 * TICK);
}
