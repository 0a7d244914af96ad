// A breakpoint: a perf event, and what this layer keeps with it.
#pragma once

#include "perf/event.h"

// Slots that were admitted: one event's, or a wide one's for all CPUs together (hwbp/reserve.h).
struct bp_claim {
    struct list node;  // in the list of live claims
    struct task *task; // NULL: bound to no task
    s32 cpu;           // -1: every CPU
    bool pinned;
    struct perf_event *event; // NULL: a wide one's
};

struct hw_breakpoint {
    u64 addr;
    u8 type; // enum dr_type
    u8 len;
    bool thread; // made for a task by the kernel: flushed when that task executes another program
    bool traps;  // a hit is also the task's SIGTRAP, which its owner then deals with
    struct bp_claim own, *claim; // its slots: its own, or those that a wide one's events share
};

struct bp_event {
    struct perf_event event; // first
    struct hw_breakpoint bp;
};

static inline struct hw_breakpoint *bp_of(const struct perf_event *event)
{
    return &((struct bp_event *)event)->bp;
}
