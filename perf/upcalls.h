// The upcalls of perf: whoever samples, records, waits and inherits hears of events here.
#pragma once

#include "perf/event.h"

// linux/perf/above.c, as for all that follow. Bytes to be kept with each event, zeroed at first:
// event->output.
extern const size_t perf_output_size;

// A new event, not attached yet. Task context.
void perf_born(struct perf_event *event);
// Whether all that the event asks for exists: 0 or -errno. Task context.
int perf_accepts(const struct perf_event *event);
// The same about the group of event->leader, which it is to join.
int perf_accepts_member(const struct perf_event *event);
// It is about to end: its inherited copies end first. perf_mutex held.
void perf_ends(struct perf_event *event);
// It has left its context. On the CPU of the context, under its lock, IRQs off.
void perf_left(struct perf_event *event);
// It will be freed: nobody may use it any more. Task context, perf_mutex may be held.
void perf_gone(struct perf_event *event);

// A sampling event has counted `nr` more. As perf_event_count().
void perf_counted(struct perf_event *event, u64 nr, struct trapframe *regs, u64 addr);

// Around a switch, IRQs off: the running task is about to give way; the running one has come, and
// its context runs.
void perf_task_leaves(struct task *prev, struct task *next);
void perf_task_arrived(struct task *prev);
