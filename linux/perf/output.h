// What of an event is about telling somebody: samples, records, wakeups, signals.
#pragma once

#include "linux/perf/abi.h"
#include "perf/context.h"

struct file;
struct perf_buffer;

struct perf_output {
    struct perf_buffer *buffer; // where records go; of an original. linux/perf/ring.h R4
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

    s32 limit; // overflows until it is `stopped`, and to be disabled (REFRESH); 0: no limit

    // A SIGTRAP that its task owes itself before it goes back to ring 3 (linux/perf/wakeup.c).
    bool trap_due; // in ctx->traps, through trap_next
    u64 trap_addr;
    u64 told_in; // 1 + ctx->stay when it was sent
    struct perf_event *trap_next;

    // Work left by #DB for task context; of an original (linux/perf/wakeup.h).
    u32 work;    // PERF_WORK_*; atomic
    u32 signals; // POLL_IN signals to send; atomic
    bool queued; // in a CPU's list of pending work, through `next`
    u32 busy;    // drainers that are using it
    struct perf_event *next;
};

// The same of a CPU. IRQs off.
struct perf_output_cpu {
    u32 sw_active[PERF_COUNT_SW_NR]; // ACTIVE software events of each config
    struct perf_event *pending;      // work left by overflows here (linux/perf/wakeup.h); atomic
    bool fresh; // something was left since perf_work_interrupt() was called last
    u64 ticks;
    bool throttled; // some event may have been throttled since the last tick
} __aligned(128);   // and found by a shift
extern struct perf_output_cpu perf_output_cpus[MAX_CPUS];

static inline struct perf_output_cpu *this_output_cpu(void)
{
    return &perf_output_cpus[cpu_id()];
}

// Whether perf_user_return() would find anything to do for the running task. If not, its stay in
// the kernel is over. Pending work is not asked for: it has been done on this way to ring 3 once,
// and what the way itself has left waits for the next (W3). IRQs off.
static inline bool perf_user_return_due(const struct task *t)
{
    struct perf_event_context *ctx = t->perf_ctx;
    bool due = ctx && ctx->traps;
    if (ctx && !due)
        ctx->stay++;
    return due;
}
