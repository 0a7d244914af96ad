// Wide breakpoints for a debugger that has stopped all CPUs, in whatever they were doing: it can
// neither sleep nor call another CPU. So everything that needs memory is made at boot; a slot is
// reserved, and validated, by the same rules as anybody's; and each CPU takes what is wanted into
// its registers itself, before it goes on.
#pragma once

#include "hwbp/reserve.h"
#include "kernel/base/errno.h"
#include "hwbp/bp.h"

enum claim_state { CLAIM_NONE, CLAIM_HELD, CLAIM_LEAVING };

struct hwbp_stopped {
    struct bp_claim claim;
    u32 claimed; // enum claim_state: does it hold a slot on every CPU?
    bool on;     // wanted
    struct perf_event_attr attr;
    struct hw_breakpoint bp;
    u32 version;                        // of what is wanted
    u32 applied[MAX_CPUS];              // the version that each CPU has
    struct perf_event *event[MAX_CPUS]; // of every possible CPU
};

// Makes the events, which hold no slot and are off. 0 or -ENOMEM. In a kernel without breakpoints
// it makes none. Task context.
int hwbp_stopped_init(struct hwbp_stopped *s);

// Wants a breakpoint there, from the moment the CPUs go on. 0; -ENOSPC, -EINVAL,
// -EOPNOTSUPP and -ENODEV as hwbp_register_wide(); -EBUSY: a task was stopped in the middle of a
// reservation, so that nobody can say. All CPUs stopped.
int hwbp_stopped_set(struct hwbp_stopped *s, u64 addr, u32 bp_type, u64 bp_len);

// Wants it no more; the slot is kept until release. All CPUs stopped.
void hwbp_stopped_clear(struct hwbp_stopped *s);
// Gives back the slot of one that is not wanted. False: not now, for the same reason as -EBUSY. All
// CPUs stopped.
bool hwbp_stopped_release(struct hwbp_stopped *s);
// The same at any other time. Task context.
void hwbp_stopped_release_later(struct hwbp_stopped *s);

// Brings this CPU to what is wanted. False: it was stopped where its registers are being changed;
// then hwbp_stopped_catch_up() must do it as soon as IRQs are on. This CPU stopped, IRQs off; `dr7`
// is what its dr_pause() has found and its dr_unpause() will get.
bool hwbp_stopped_apply(struct hwbp_stopped *s, u64 *dr7);
// The same on a CPU that runs, in an interrupt.
void hwbp_stopped_catch_up(struct hwbp_stopped *s);
