// Wide breakpoints for a debugger that has stopped all CPUs, wherever they were. Such a debugger
// can neither sleep nor call another CPU. So everything that needs memory is made at boot. Slots
// are reserved and requests are validated by the usual rules. Each CPU takes what is wanted into
// its own registers, before it goes on.
#pragma once

#include "hwbp/reserve.h"

enum claim_state { CLAIM_NONE, CLAIM_HELD, CLAIM_LEAVING };

struct hwbp_stopped {
    struct bp_claim claim;
    u32 claimed; // enum claim_state: whether it holds a slot on every CPU
    bool on;     // the debugger wants it
    struct perf_event_attr attr;
    struct hw_breakpoint bp;
    u32 version;                        // grows with each change of what is wanted
    u32 applied[MAX_CPUS];              // the version that is in each CPU's registers
    struct perf_event *event[MAX_CPUS]; // one for each possible CPU
};

// Makes the events, which hold no slot and are off. 0 or -ENOMEM. In a kernel without breakpoints
// it makes none. Task context.
int hwbp_stopped_init(struct hwbp_stopped *s);

// Asks for a breakpoint there, from the moment the CPUs go on. 0; -ENOSPC, -EINVAL, -EOPNOTSUPP or
// -ENODEV as from hwbp_register_wide(). -EBUSY: a task was stopped in the middle of a reservation,
// so nobody can say now whether there is a slot. All CPUs are stopped.
int hwbp_stopped_set(struct hwbp_stopped *s, u64 addr, u32 bp_type, u64 bp_len);

// The breakpoint is not wanted any more; its slot is kept until release. All CPUs are stopped.
void hwbp_stopped_clear(struct hwbp_stopped *s);
// Gives back the slot of a breakpoint that is not wanted. False if that is not possible now, for
// the same reason as -EBUSY. All CPUs are stopped.
bool hwbp_stopped_release(struct hwbp_stopped *s);
// The same while the CPUs run. Task context.
void hwbp_stopped_release_later(struct hwbp_stopped *s);

// Brings this CPU's registers to what is wanted. False if the CPU was stopped while its registers
// were being changed, or its events walked. Then hwbp_stopped_catch_up() must do it as soon as IRQs
// are on. *dr7 is what dr_pause() has found on this CPU, and what dr_unpause() will get. Stopped,
// IRQs off.
bool hwbp_stopped_apply(struct hwbp_stopped *s, u64 *dr7);
// The same in an interrupt on a CPU that runs.
void hwbp_stopped_catch_up(struct hwbp_stopped *s);
