// Every error of the breakpoint API, and that a refused request leaves nothing behind.
#include "arch/x86/platform.h"
#include "test/kernel/bp_test.h"

static volatile u64 target[2] __aligned(16);

static void a_function(void)
{
    target[0]++;
}

static long open_error(u64 addr, u32 type, u64 len)
{
    struct perf_event *event = bp_open((void *)addr, type, len);
    if (!IS_ERR(event)) {
        perf_event_release_kernel(event);
        return 0;
    }
    return PTR_ERR(event);
}

KTEST_HWBP(errors, "bp-errors", NULL)
{
    u64 addr = (u64)target;
    EXPECT_EQ(open_error(addr, HW_BREAKPOINT_EMPTY, 8), -EINVAL);
    EXPECT_EQ(open_error(addr, HW_BREAKPOINT_R, 8), -EINVAL);
    EXPECT_EQ(open_error(addr, 7, 8), -EINVAL);
    EXPECT_EQ(open_error(addr, HW_BREAKPOINT_W, 0), -EINVAL);
    EXPECT_EQ(open_error(addr, HW_BREAKPOINT_W, 3), -EINVAL);
    EXPECT_EQ(open_error(addr, HW_BREAKPOINT_W, 16), -EOPNOTSUPP);
    EXPECT_EQ(open_error(addr + 1, HW_BREAKPOINT_W, 2), -EINVAL);
    EXPECT_EQ(open_error(addr + 4, HW_BREAKPOINT_W, 8), -EINVAL);
    EXPECT_EQ(open_error((u64)a_function, HW_BREAKPOINT_X, 4), -EINVAL);
    EXPECT_EQ(open_error((u64)a_function, HW_BREAKPOINT_X, 8), 0);
    EXPECT_EQ(open_error(~0ull, HW_BREAKPOINT_X, 8), -EINVAL);
    EXPECT_EQ(open_error(0, HW_BREAKPOINT_W, 8), 0); // NULL is an address like any other
    EXPECT_EQ(hwbp_live(), 0);
}

KTEST_HWBP(protected, "bp-protected", NULL)
{
    u64 on_stack = 0;
    EXPECT_EQ(open_error((u64)this_cpu(), HW_BREAKPOINT_W, 8), -EINVAL);
    EXPECT_EQ(open_error((u64)&on_stack & ~7ull, HW_BREAKPOINT_W, 8), -EINVAL);
    EXPECT_EQ(open_error((u64)__protected_text_start, HW_BREAKPOINT_X, 8), -EINVAL);
    EXPECT_EQ(open_error((u64)target, HW_BREAKPOINT_X, 8), 0); // no code is needed there
    EXPECT_EQ(hwbp_live(), 0);
}

KTEST_HWBP(places, "bp-places", NULL)
{
    struct perf_event_attr attr = bp_attr(target, HW_BREAKPOINT_W, 8);
    EXPECT_EQ(PTR_ERR(perf_event_create_kernel_counter(&attr, -1, NULL, NULL, NULL)), -EINVAL);
    EXPECT_EQ(PTR_ERR(perf_event_create_kernel_counter(&attr, MAX_CPUS, NULL, NULL, NULL)),
              -EINVAL);
    EXPECT_EQ(PTR_ERR(perf_event_create_kernel_counter(&attr, -2, NULL, NULL, NULL)), -EINVAL);
    attr.type = 77;
    EXPECT_EQ(PTR_ERR(perf_event_create_kernel_counter(&attr, 0, NULL, NULL, NULL)), -ENOENT);
}

KTEST_HWBP(full, "bp-full-says-enospc-first", NULL)
{
    struct perf_event *event[4];
    for (int i = 0; i < 4; i++) {
        event[i] = bp_open(target, HW_BREAKPOINT_W, 8);
        EXPECT(!IS_ERR(event[i]));
    }
    EXPECT_EQ(open_error((u64)target, HW_BREAKPOINT_W, 8), -ENOSPC);
    EXPECT_EQ(open_error((u64)target, HW_BREAKPOINT_R, 3), -ENOSPC);
    for (int i = 0; i < 4; i++)
        perf_event_release_kernel(event[i]);
    EXPECT_EQ(open_error((u64)target, HW_BREAKPOINT_R, 3), -EINVAL);
}

KTEST_HWBP(rules_busy, "bp-rules-busy", NULL)
{
    const char *now = slots_name(hwbp_rules());
    struct perf_event *event = bp_open(target, HW_BREAKPOINT_W, 8);
    EXPECT_EQ(hwbp_set_rules("exact"), -EBUSY);
    EXPECT_EQ(hwbp_set_rules("2010"), -EINVAL);
    perf_event_release_kernel(event);
    EXPECT_EQ(hwbp_set_rules("mainline"), 0);
    EXPECT_EQ(hwbp_set_rules(now), 0);
}
