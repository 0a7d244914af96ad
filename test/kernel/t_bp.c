// Breakpoints through the in-kernel interface: every type, length and place, counted exactly.
#include "test/kernel/bp_test.h"

static volatile u64 target __aligned(16);
static volatile u64 neighbour[4] __aligned(32);

static volatile u32 calls;

static void __attribute__((noinline)) callee(void)
{
    calls++;
}

KTEST_HWBP(bp_write, "bp-write", NULL)
{
    for (u64 len = 1; len <= 8; len *= 2) {
        struct perf_event *event = bp_open(&target, HW_BREAKPOINT_W, len);
        EXPECT(!IS_ERR(event));
        if (IS_ERR(event))
            return;
        for (int i = 0; i < 100; i++)
            target = 7; // the same value again counts too
        (void)target;   // a read does not
        EXPECT_EQ(bp_close(event), 100);
        target = 1;
    }
}

KTEST_HWBP(bp_read_write, "bp-read-write", NULL)
{
    struct perf_event *event = bp_open(&target, HW_BREAKPOINT_RW, 8);
    EXPECT(!IS_ERR(event));
    u64 sum = 0;
    for (int i = 0; i < 50; i++) {
        sum += target;
        target = sum;
    }
    EXPECT_EQ(bp_close(event), 100);
}

KTEST_HWBP(bp_edges, "bp-edges", NULL)
{
    volatile u8 *bytes = (volatile u8 *)neighbour;
    struct perf_event *event = bp_open(&bytes[8], HW_BREAKPOINT_W, 8);
    EXPECT(!IS_ERR(event));
    bytes[7] = 1;
    bytes[16] = 1;
    EXPECT_EQ(bp_count(event), 0);
    bytes[8] = 1;
    bytes[15] = 1;
    EXPECT_EQ(bp_count(event), 2);
    *(volatile u32 *)&bytes[12] = 1;
    EXPECT_EQ(bp_close(event), 3);
}

// Without RF the same instruction hits for ever. The test must fail then, not hang.
static void end_a_storm(struct perf_event *event, struct trapframe *regs)
{
    if (event->count > 1000)
        regs->rflags |= RFLAGS_RF;
}

KTEST_HWBP(bp_execute, "bp-execute", NULL)
{
    struct perf_event_attr attr = bp_attr((void *)callee, HW_BREAKPOINT_X, sizeof(long));
    struct perf_event *event =
        perf_event_create_kernel_counter(&attr, -1, current_task(), end_a_storm, NULL);
    EXPECT(!IS_ERR(event));
    u32 before = calls;
    for (int i = 0; i < 100; i++)
        callee();
    EXPECT_EQ(calls - before, 100);
    EXPECT_EQ(bp_close(event), 100);
}

KTEST_HWBP(bp_all_four, "bp-all-four", NULL)
{
    struct perf_event *event[4];
    for (int i = 0; i < 4; i++)
        event[i] = bp_open(&neighbour[i], HW_BREAKPOINT_W, 8);
    for (int i = 0; i < 4; i++)
        for (int n = 0; n <= i * 10; n++)
            neighbour[i] = n;
    EXPECT(IS_ERR(bp_open(&target, HW_BREAKPOINT_W, 8)));
    for (int i = 0; i < 4; i++) {
        EXPECT(!IS_ERR(event[i]));
        EXPECT_EQ(bp_close(event[i]), i * 10 + 1);
    }
}

KTEST_HWBP(bp_same_address, "bp-same-address", NULL)
{
    struct perf_event *write = bp_open(&target, HW_BREAKPOINT_W, 8);
    struct perf_event *both = bp_open(&target, HW_BREAKPOINT_RW, 8);
    struct perf_event *byte = bp_open(&target, HW_BREAKPOINT_W, 1);
    for (int i = 0; i < 10; i++)
        target = i;
    for (int i = 0; i < 5; i++)
        (void)target;
    ((volatile u8 *)&target)[4] = 1; // outside the one-byte breakpoint
    EXPECT_EQ(bp_close(byte), 10);
    EXPECT_EQ(bp_close(both), 16);
    EXPECT_EQ(bp_close(write), 11);
}

KTEST_HWBP(bp_enable, "bp-enable-disable-reset", NULL)
{
    u64 enabled, running, enabled_alone, running_alone;
    struct perf_event_attr attr = bp_attr(&target, HW_BREAKPOINT_W, 8);
    attr.disabled = 1;
    struct perf_event *event =
        perf_event_create_kernel_counter(&attr, -1, current_task(), NULL, NULL);
    EXPECT(!IS_ERR(event));
    target = 1;
    EXPECT_EQ(perf_event_read_value(event, &enabled, &running), 0);
    EXPECT_EQ(enabled, 0);
    EXPECT_EQ(running, 0);
    perf_event_enable(event);
    target = 2;
    perf_event_disable(event);
    target = 3;
    EXPECT_EQ(perf_event_read_value(event, &enabled, &running), 1);
    EXPECT(enabled > 0);
    EXPECT_EQ(running, enabled); // it had its register all the time
    perf_event_reset(event);
    perf_event_enable(event);
    perf_event_enable(event); // a second enable changes nothing
    target = 4;
    perf_event_disable(event);
    EXPECT_EQ(perf_event_read_value(event, NULL, &running_alone), 1);
    EXPECT_EQ(perf_event_read_value(event, &enabled_alone, NULL), 1);
    EXPECT_EQ(perf_event_read_value(event, &enabled, &running), 1);
    EXPECT_EQ(enabled_alone, enabled);
    EXPECT_EQ(running_alone, running);
    EXPECT_EQ(bp_close(event), 1);
}

// A limit of hits leaves a breakpoint in this state: it keeps its register, but counts nothing
// until it is enabled.
KTEST_HWBP(bp_stopped, "bp-stopped", NULL)
{
    struct perf_event *event = bp_open(&target, HW_BREAKPOINT_W, 8);
    target = 1;
    event->stopped = true;
    target = 2;
    EXPECT_EQ(bp_count(event), 1);
    perf_event_enable(event);
    target = 3;
    EXPECT_EQ(bp_close(event), 2);
}

KTEST_HWBP(bp_modify, "bp-modify-in-place", NULL)
{
    struct perf_event *event[4];
    for (int i = 0; i < 4; i++)
        event[i] = bp_open(&neighbour[i], HW_BREAKPOINT_W, 8);
    EXPECT_EQ(hwbp_modify(event[0], (u64)&target, HW_BREAKPOINT_W, 4),
              0); // all registers are taken
    neighbour[0] = 1;
    target = 1;
    EXPECT_EQ(bp_count(event[0]), 1);
    EXPECT_EQ(hwbp_modify(event[0], (u64)&target + 1, HW_BREAKPOINT_W, 4), -EINVAL);
    EXPECT_EQ(hwbp_modify(event[0], (u64)&target, HW_BREAKPOINT_R, 4), -EINVAL);
    EXPECT_EQ(hwbp_modify(event[0], (u64)&neighbour[0], HW_BREAKPOINT_RW, 3), -EINVAL);
    EXPECT_EQ(event[0]->attr.bp_addr, (u64)&target);
    EXPECT_EQ(event[0]->attr.bp_type, HW_BREAKPOINT_W);
    EXPECT_EQ(event[0]->attr.bp_len, 4);
    target = 2; // the old breakpoint is unchanged
    EXPECT_EQ(bp_count(event[0]), 2);
    EXPECT_EQ(hwbp_modify(event[0], (u64)callee, HW_BREAKPOINT_X, sizeof(long)), 0);
    callee();
    for (int i = 0; i < 4; i++)
        EXPECT_EQ(bp_close(event[i]), i == 0 ? 3 : 0);
}

static void count_calls(struct perf_event *event, struct trapframe *regs)
{
    u64 *record = event->overflow_arg;
    record[0]++;
    record[1] = regs->rip;
}

KTEST_HWBP(bp_callback, "bp-callback", NULL)
{
    u64 record[2] = {0, 0};
    struct perf_event_attr attr = bp_attr((void *)callee, HW_BREAKPOINT_X, sizeof(long));
    struct perf_event *event =
        perf_event_create_kernel_counter(&attr, -1, current_task(), count_calls, record);
    EXPECT(!IS_ERR(event));
    callee();
    callee();
    EXPECT_EQ(bp_close(event), 2);
    callee();
    EXPECT_EQ(record[0], 2);
    EXPECT_EQ(record[1], (u64)callee); // a fault: before the instruction
}

KTEST_HWBP(bp_mode, "bp-exclude", NULL)
{
    struct perf_event_attr attr = bp_attr(&target, HW_BREAKPOINT_W, 8);
    attr.exclude_kernel = 1; // a kernel address, but its accesses would not count
    EXPECT_EQ(PTR_ERR(perf_event_create_kernel_counter(&attr, -1, current_task(), NULL, NULL)),
              -EINVAL);
    attr.exclude_kernel = 0;
    attr.exclude_user = 1;
    struct perf_event *event =
        perf_event_create_kernel_counter(&attr, -1, current_task(), NULL, NULL);
    EXPECT(!IS_ERR(event));
    target = 1;
    EXPECT_EQ(bp_close(event), 1);
}
