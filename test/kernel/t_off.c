// The breakpoint API where there are no breakpoints (make HWBP=0).
#include "debug/ksym/ksym.h"
#include "test/kernel/bp_test.h"

static u64 target;

KTEST(off, "hwbp-off", NULL)
{
    if (HWBP) {
        ktest_skip("this kernel has breakpoints");
        return;
    }
    struct perf_event_attr attr = bp_attr(&target, HW_BREAKPOINT_W, 8);
    EXPECT_EQ(PTR_ERR(hwbp_register_wide(&attr, NULL, NULL)), -ENODEV);
    EXPECT_EQ(hwbp_modify(NULL, 0, HW_BREAKPOINT_W, 8), -ENODEV);
    EXPECT_EQ(hwbp_wide_modify(NULL, 0, HW_BREAKPOINT_W, 8), -ENODEV);
    hwbp_unregister_wide(NULL);
    EXPECT_EQ(hwbp_wide_count(NULL), 0);
    EXPECT_EQ(PTR_ERR(bp_open(&target, HW_BREAKPOINT_W, 8)),
              -ENOENT); // perf does not know this type
    EXPECT_EQ(ksym_filter_write("target:-w-", 0), -ENODEV);
}
