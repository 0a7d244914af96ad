// What the breakpoint tests share: to make an attr, and to open, read and close a breakpoint.
#pragma once

#include "hwbp/hwbp.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "sched/sched.h"
#include "test/kernel/ktest.h"

static inline struct perf_event_attr bp_attr(const volatile void *addr, u32 type, u64 len)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_BREAKPOINT, .size = sizeof(attr), .pinned = 1};
    attr.bp_addr = (u64)addr;
    attr.bp_type = type;
    attr.bp_len = len;
    return attr;
}

// A breakpoint of the running task. ERR_PTR on failure, as the API says.
static inline struct perf_event *bp_open(const volatile void *addr, u32 type, u64 len)
{
    struct perf_event_attr attr = bp_attr(addr, type, len);
    return perf_event_create_kernel_counter(&attr, -1, current_task(), NULL, NULL);
}

// A breakpoint of a CPU: it counts for every task that runs there.
static inline struct perf_event *bp_open_cpu(const volatile void *addr, u32 type, u64 len, int cpu)
{
    struct perf_event_attr attr = bp_attr(addr, type, len);
    return perf_event_create_kernel_counter(&attr, cpu, NULL, NULL, NULL);
}

static inline u64 bp_count(struct perf_event *event)
{
    return perf_event_read_value(event, NULL, NULL);
}

// Releases the event and returns its last count.
static inline u64 bp_close(struct perf_event *event)
{
    u64 count = bp_count(event);
    perf_event_release_kernel(event);
    return count;
}
