// Records other than samples. They tell what tasks do, and what happens to events.
#pragma once

#include "arch/x86/types.h"

struct perf_event;
struct task;

// Records go to every enabled event of the running task and of this CPU that asks for such records.
// When no event asks for any, all this is cheap. Task context, unless a comment says otherwise.

extern u32 perf_record_listeners; // events that ask for any of these; atomic

// False if no event asks for any record. Then a caller need not prepare one.
static inline bool perf_record_wanted(void)
{
    return unlikely(__atomic_load_n(&perf_record_listeners, __ATOMIC_RELAXED));
}

// The running task has a new name. With `exec` the reason is that it is another program now.
void perf_record_comm(bool exec);
// The running task has a new child or thread, which has not begun to run.
void perf_record_fork(struct task *child);
// The running task ends. Called before its events leave.
void perf_record_exit(void);
// A mapping of the running task. With `path` NULL it is anonymous memory.
struct perf_mapping {
    u64 addr, len, offset;
    u32 prot, flags;
    u32 minor; // minor number of the file's device; the major number is 0
    u64 ino;
    const char *path;
};
void perf_record_mmap(const struct perf_mapping *m);
// The running task gives up the CPU for `other`, or has got it from `other`. IRQs off.
void perf_record_switch(bool out, bool preempted, struct task *other);

// PERF_RECORD_THROTTLE or _UNTHROTTLE of an event. IRQs off, any context.
void perf_record_throttle(struct perf_event *event, u32 type);
// A copy's task ends: writes its count to the original's buffer (inherit_stat).
void perf_record_read(struct perf_event *copy);

// An event begins to exist (`by` is 1) or ends (-1). Counts the events that ask for records.
void perf_record_account(const struct perf_event *event, int by);
