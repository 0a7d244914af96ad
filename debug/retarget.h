// A wide breakpoint that moves to another address from any context, also from its own callback.
//
// hwbp_wide_modify() waits for all CPUs, so only a task can call it. Here the new address is left
// where every CPU finds it, and each CPU gets an interrupt. Then each CPU moves its own part.
#pragma once

#include "hwbp/hwbp.h"

struct retarget {
    struct list node;
    struct hwbp_wide *wide;
    u64 addr;         // the address where the breakpoint is to be; atomic
    u64 at[MAX_CPUS]; // where each CPU has it; atomic
};

// Makes `wide` a breakpoint that can move. A callback may move it only after this call. So the
// breakpoint is made disabled, and is enabled after this call. Until retarget_end() its address,
// type and length are changed in no other way. Task context.
void retarget_begin(struct retarget *r, struct hwbp_wide *wide);
// After the return no CPU moves it any more, even if hwbp_wide_retarget() was called. Comes before
// hwbp_unregister_wide(). Task context.
void retarget_end(struct retarget *r);

// Moves the breakpoint to addr. Type, length and slots stay. If several calls come at once, the
// same one wins on all CPUs. Does not wait. A CPU follows when it takes interrupts. So the caller's
// own part moves when its IRQs are on again. -EINVAL: nothing may be watched there, and nothing has
// changed. Any context, also inside #DB. Takes no lock.
int hwbp_wide_retarget(struct retarget *r, u64 addr);

// The CPUs that have followed the last call. Any context.
cpumask retarget_done(const struct retarget *r);

// Moves the parts of this CPU. Interrupt context, IRQs off.
void retarget_here(void);
