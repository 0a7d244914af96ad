// The part of an event that informs programs: samples, records, wakeups, signals.
#pragma once

#include "linux/perf/abi.h"
#include "perf/context.h"

struct file;
struct perf_buffer;
struct sw_event;

struct perf_output {
    struct perf_buffer *buffer; // where records go; only of an original (linux/perf/ring.h, R4)
    bool own;                   // mmap(2) of this event made it, not SET_OUTPUT
    struct file *file;          // its open file if that has O_ASYNC, else NULL; atomic
    u64 lost;                   // records without room, also of copies; atomic

    // Sampling. Changed only on the CPU where the event is ACTIVE, IRQs off.
    u64 period; // counts from one overflow to the next
    s64 left;   // counts until the next overflow
    u64 tick;   // the tick of the last overflow, and how many there were in it
    u32 in_tick;
    bool throttled;            // there were too many: no more until the next tick
    u64 freq_count, freq_time; // count and time when the rate was looked at last
    u64 clock_seen;            // of a clock: its running time when it was looked at last

    s32 limit; // overflows until it stops and is disabled (REFRESH); 0: no limit

    // A SIGTRAP that the task must send itself before it goes back to ring 3 (linux/perf/wakeup.c).
    bool trap_due; // it is in ctx->traps, linked by trap_next
    u64 trap_addr;
    u64 told_in; // 1 + ctx->stay when the last SIGTRAP was sent
    struct perf_event *trap_next;

    // Work that a #DB has left for task context. Only an original has it (linux/perf/wakeup.h).
    u32 work;    // PERF_WORK_*; atomic
    u32 signals; // how many POLL_IN signals to send; atomic
    bool queued; // it is in a CPU's list of pending work, linked by `next`
    u32 busy;    // how many CPUs do its work at the moment
    struct perf_event *next;
};

// The event itself, or the event of which it is a copy. Samples and signals belong to the original.
static inline struct perf_event *perf_original(const struct perf_event *event)
{
    return event->parent ? event->parent : (struct perf_event *)event;
}

// The same part of a CPU. Used with IRQs off.
struct perf_output_cpu {
    struct sw_event *sw_active[PERF_COUNT_SW_NR]; // the ACTIVE software events of each config
    struct perf_event *pending; // work that overflows have left (linux/perf/wakeup.h); atomic
    bool fresh;                 // some work has come since perf_work_interrupt() was called last
    u64 ticks;
    u64 clocks_from; // before this moment of clock_ns() only ticks look at clocks
} __aligned(128);    // a power of two, so the address is found by a shift
extern struct perf_output_cpu perf_output_cpus[MAX_CPUS];

static inline struct perf_output_cpu *this_output_cpu(void)
{
    return &perf_output_cpus[cpu_id()];
}

// Whether perf_user_return() would find anything to do for the running task. If not, the task's
// stay in the kernel is over. Pending work does not count here. It was done once on this way to
// ring 3. Work that has come since waits for the next way (W3). IRQs off.
static inline bool perf_user_return_due(const struct task *t)
{
    struct perf_event_context *ctx = t->perf_ctx;
    bool due = ctx && ctx->traps;
    if (ctx && !due)
        ctx->stay++;
    return due;
}
