// What of an event is about telling somebody: samples, records, wakeups, signals.
#pragma once

#include "arch/x86/types.h"

struct file;
struct perf_buffer;
struct perf_event;

struct perf_output {
    struct perf_buffer *buffer; // where records go; of an original. perf/ring.h R4
    bool own;                   // made by mmap of this event, not by SET_OUTPUT
    struct file *file;          // its descriptor if that has O_ASYNC, else NULL; atomic
    u64 lost;                   // records that found no room, copies' too; atomic

    // Sampling; changed only where the event is ACTIVE, IRQs off.
    u64 period; // counts from one overflow to the next
    s64 left;   // until the next one
    u64 tick;   // the tick in which the last overflow was, and how many in it
    u32 in_tick;
    bool throttled;            // too many: none until the next tick
    u64 freq_count, freq_time; // at the last look at the rate
    u64 clock_seen;            // a clock's count at the last tick

    s32 limit;    // overflows until it stops (REFRESH); 0: no limit
    bool stopped; // the limit was reached: counts no more, to be disabled

    // A SIGTRAP that its task owes itself before it goes back to ring 3 (perf/wakeup.c).
    bool trap_due; // in ctx->traps, through trap_next
    u64 trap_addr;
    struct perf_event *trap_next;

    // Work left by #DB for task context; of an original (perf/wakeup.h).
    u32 work;    // PERF_WORK_*; atomic
    u32 signals; // POLL_IN signals to send; atomic
    bool queued; // in a CPU's list of pending work, through `next`
    u32 busy;    // drainers that are using it
    struct perf_event *next;
};
