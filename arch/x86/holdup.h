// Debug builds: what holds up others is told here, and kept by place in kernel/checks/holdup.c.
// While that is off, each place costs one comparison.
#pragma once

#include "arch/x86/types.h"

enum {
    // How long a CPU has interrupts off, and preemption off, in cycles of the time-stamp counter. A
    // stretch begins and ends once, however often that is said.
    HOLDUP_IRQS,
    HOLDUP_PREEMPT,
    HOLDUP_STRETCHES,
    HOLDUP_SPIN = HOLDUP_STRETCHES, // rounds of waiting for a spinlock
    HOLDUP_IPI,                     // interrupts sent to other CPUs
    NR_HOLDUPS,
};

extern bool holdup_on;

// Any context, #DB too.
void holdup_begin(u32 kind);
void holdup_end(u32 kind);
void holdup_note(u32 kind, u64 from, u64 to, u64 amount);

#define HOLDUP(call)                                                                               \
    do {                                                                                           \
        if (DEBUG_BUILD && unlikely(holdup_on))                                                    \
            call;                                                                                  \
    } while (0)
#define stretch_begins(kind) HOLDUP(holdup_begin(kind))
#define stretch_ends(kind)   HOLDUP(holdup_end(kind))
// The place is the caller of the function that this is expanded in.
#define holdup_count(kind, amount)                                                                 \
    HOLDUP(holdup_note(kind, (u64)__builtin_return_address(0), 0, amount))
