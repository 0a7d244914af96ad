// The records of the trace (sched/trace.h): on each CPU in a ring of its own, which only that CPU
// writes and which needs no lock.
//
// A full ring goes on with its oldest record; those that a reader has missed are counted.
#pragma once

#include "kernel/base/printk.h"
#include "sched/trace.h"

// "trace=KIB" on the command line: that much for each CPU, and on. After heap_init().
void trace_init(void);
// The size of each ring, rounded up to a power of two; 0 gives all back. What was there is lost.
// Task context. 0, or nothing has changed: -EBUSY, it is on; -ENOMEM; -EINVAL, over 4 MiB.
int trace_resize(u64 kib);
u64 trace_kib(void);
// On needs a ring: -EINVAL without one. Off: on return nobody writes any more. Task context.
// -EINVAL also for what is neither 0 nor 1.
int trace_switch(u64 on);

// Who reads records and takes none. At first `next` is all zeros.
struct trace_reader {
    u64 until;          // it wants only records that are older (clock_ns())
    u64 next[MAX_CPUS]; // the number of the record that it wants next
};

// The oldest record of all CPUs that is there now, and whose it is. False: none. Without a reader
// it is taken away. One caller of this or trace_clear() at a time.
bool trace_next(struct trace_reader *reader, struct trace_record *r, u32 *cpu);
// Drops all that is there, and counts lost records from 0.
void trace_clear(void);
// Records that were overwritten before somebody took them.
u64 trace_lost(void);
// A record as a line of text, under Linux's names where it has the same event.
void trace_print(struct text *t, const struct trace_record *r, u32 cpu);
