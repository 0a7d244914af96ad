// The breakpoint API of a kernel built without breakpoints (make HWBP=0): hwbp.h includes it then.
// The answers are those of the stubs in the thread of 2009: NULL for what would be made, -ENOSYS
// for what would be changed, and nothing where there is nothing to do.
#pragma once

#include "kernel/base/errno.h"
#include "hwbp/bp.h"

static inline void hwbp_init(void)
{
}

static inline void hwbp_slots_init(void)
{
}

static inline struct perf_event *hwbp_register_user(const struct perf_event_attr *, struct task *,
                                                    perf_overflow_fn, void *)
{
    return NULL;
}

static inline struct perf_event *hwbp_register_cpu(const struct perf_event_attr *, u32,
                                                   perf_overflow_fn, void *)
{
    return NULL;
}

static inline struct hwbp_wide *hwbp_register_wide(const struct perf_event_attr *, perf_overflow_fn,
                                                   void *)
{
    return NULL;
}

static inline int hwbp_modify(struct perf_event *, u64, u32, u64)
{
    return -ENOSYS;
}

static inline int hwbp_check(const struct perf_event_attr *)
{
    return -ENOSYS;
}

static inline int hwbp_apply(struct perf_event *, void *)
{
    return -ENOSYS;
}

static inline void hwbp_flush_task(struct task *)
{
}

static inline int hwbp_wide_modify(struct hwbp_wide *, u64, u32, u64)
{
    return -ENOSYS;
}

static inline void hwbp_unregister(struct perf_event *)
{
}

static inline void hwbp_unregister_wide(struct hwbp_wide *)
{
}

static inline void hwbp_wide_enable(struct hwbp_wide *)
{
}

static inline void hwbp_wide_disable(struct hwbp_wide *)
{
}

static inline u64 hwbp_wide_count(struct hwbp_wide *)
{
    return 0;
}

static inline u32 hwbp_live(void)
{
    return 0;
}

static inline void hwbp_check_slots(void)
{
}
