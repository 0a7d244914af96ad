// The kernel's trace, as what happens tells it. It is off until the layer above, which keeps the
// records (linux/sched/trace.h), switches it on. A place that is traced then costs one comparison
// and one jump that is not taken.
#pragma once

#include "sched/upcalls.h"

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

// TRACE(kind, .field = value ...)
#define TRACE(what, ...)                                                                           \
    do {                                                                                           \
        if (unlikely(trace_on))                                                                    \
            trace_put(&(struct trace_record){.kind = what, __VA_ARGS__});                          \
    } while (0)
