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
    bool traps; // a hit is also the task's SIGTRAP, which its owner then deals with
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

// May a breakpoint be there (hwbp/validate.c)? Fills bp->addr, type, len from attr. 0, or -EINVAL:
// unknown type, R alone (x86 cannot), bad length (execute wants 8), address not aligned to the
// length, range that wraps, kernel address with exclude_kernel, kernel area on the #DB path
// (docs/hwbp.md lists them); -EOPNOTSUPP: a power of two that needs an address mask. Then *why is
// the reason, a constant text. Needs no slot and no register, and changes nothing else.
int hwbp_parse(const struct perf_event_attr *attr, struct hw_breakpoint *bp, const char **why);
