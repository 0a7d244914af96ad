// The kernel's trace: what happened on each CPU, in a ring of its own, which only that CPU writes
// and which needs no lock. Off until somebody gives it memory and switches it on. A place that is
// traced then costs one comparison and one jump that is not taken.
//
// A full ring goes on with its oldest record; those that a reader has missed are counted.
#pragma once

#include "kernel/base/printk.h"

enum trace_kind {
    TRACE_NONE,    // being written, or never was
    TRACE_SWITCH,  // tid: who runs now; a: who ran; b: eight letters of its name
    TRACE_MIGRATE, // tid comes here; a: the CPU it ran on before
    TRACE_WAKE,    // tid shall run; a: the CPU it ran on last
    TRACE_INSTALL, // slot: a register got an event; a: address; b: event; tid: its task or 0
    TRACE_EVICT,   // slot: a register lost one; b: event
    TRACE_WRITES,  // a: writes to DR0-DR3 and DR7 since the last record of them; b: DR7
    TRACE_HIT,     // slot: it was hit; a: instruction pointer; b: event
    TRACE_REFUSED, // tid: for which task, or 0; a: the reason, a text of hwbp/reserve.c's
    TRACE_TURN,    // flexible events took turns
};

#define TRACE_PINNED 0x100 // `info` of an install, above length << 4 | type (enum dr_type)

struct trace_record {
    u64 ns, a, b; // clock_ns(), and what the kind says
    u32 tid;
    u8 kind, slot;
    u16 info;
};
_Static_assert(sizeof(struct trace_record) == 32, "a power of two");

extern bool trace_on;

// Any context. Only by TRACE().
void trace_put(struct trace_record r);
// TRACE(kind, .field = value ...)
#define TRACE(what, ...)                                                                           \
    do {                                                                                           \
        if (unlikely(trace_on))                                                                    \
            trace_put((struct trace_record){.kind = what, __VA_ARGS__});                           \
    } while (0)

// "trace=KIB" on the command line: that much for each CPU, and on. After heap_init().
void trace_init(void);
// The size of each ring, rounded up to a power of two; 0 gives all back. What was there is lost.
// Task context. 0, -EBUSY: it is on; -ENOMEM, -EINVAL: over 4 MiB.
int trace_resize(u64 kib);
u64 trace_kib(void);
// On needs a ring: -EINVAL without one. Off: on return nobody writes any more. Task context.
int trace_switch(bool on);
// Takes the oldest record of all CPUs that is there now, and says whose it was. False: none. One
// reader at a time.
bool trace_take(struct trace_record *r, u32 *cpu);
// Records that no reader got.
u64 trace_lost(void);
// A record as a line of text, under Linux's names where it has the same event.
void trace_print(struct text *t, const struct trace_record *r, u32 cpu);
