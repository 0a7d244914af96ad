// The records of the trace (sched/trace.h). Each CPU has a ring of its own. Only that CPU writes to
// it, so the ring needs no lock.
//
// In a full ring a new record replaces the oldest one. Records that a reader has missed are
// counted.
#pragma once

#include "kernel/base/printk.h"
#include "sched/trace.h"

// Reads "trace=KIB" from the command line: each CPU gets a ring of that size, and the trace is on.
// After heap_init().
void trace_init(void);
// Sets the size of each ring, rounded up to a power of two. 0 frees all rings. The old records are
// lost. Returns 0, or an error, and then nothing has changed. -EBUSY: the trace is on. -EINVAL:
// more than 4 MiB. -ENOMEM. Task context.
int trace_resize(u64 kib);
u64 trace_kib(void);
// Switches the trace on (1) or off (0). On return from "off" nobody writes any more. Returns 0, or
// -EINVAL: there is no ring to switch on, or `on` is neither 0 nor 1. Task context.
int trace_switch(u64 on);

// A reader that reads records and leaves them in the ring. At first `next` is all zeros.
struct trace_reader {
    u64 until;          // it wants only records that are older (clock_ns())
    u64 next[MAX_CPUS]; // the number of the record that it wants next
};

// Gives the oldest record of all CPUs that is there now, and its CPU. False: there is none. Without
// a reader the record is taken out of its ring. Only one caller of trace_next() or trace_clear() at
// a time.
bool trace_next(struct trace_reader *reader, struct trace_record *r, u32 *cpu);
// Drops all records, and counts lost records from 0.
void trace_clear(void);
// Records that were overwritten before somebody took them.
u64 trace_lost(void);
// A record as a line of text, under Linux's names where it has the same event.
void trace_print(struct text *t, const struct trace_record *r, u32 cpu);
