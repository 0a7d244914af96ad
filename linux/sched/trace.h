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
int trace_switch(bool on);
// Takes the oldest record of all CPUs that is there now, and says whose it was. False: none. One
// reader at a time.
bool trace_take(struct trace_record *r, u32 *cpu);
// Records that no reader got.
u64 trace_lost(void);
// A record as a line of text, under Linux's names where it has the same event.
void trace_print(struct text *t, const struct trace_record *r, u32 cpu);
