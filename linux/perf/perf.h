// Perf events as programs use them: the system call, software events, inheritance.
#pragma once

#include "linux/perf/output.h"

// Registers the software events, and starts the thread that does what a #DB in ring 0 has left.
// Once.
void perf_programs_init(void);

// ---- the life of tasks (called by linux/proc) ----

// `child` is about to start, a thread of the running task's process or not: it gets copies of the
// events that are inherited. 0 or -ENOMEM with nothing left behind. Task context.
int perf_fork(struct task *child, bool thread);
// The child will not start after all: its copies go.
void perf_fork_failed(struct task *child);
// The running task ends: its events leave their registers, readers keep the counts.
void perf_exit_task(struct task *t);
// The running task becomes another program.
void perf_exec(struct task *t);
// The running task is about to go back to ring 3, IRQs on: what its events owe to programs.
void perf_user_return(void);

// ---- software events ----

// A software event happened on this CPU, in the running task's context: counted by every ACTIVE
// event of this config. `addr` is a page fault's. IRQs off.
void perf_sw_count(u32 config, u64 nr, struct trapframe *regs, u64 addr);
static inline void perf_sw_event(u32 config, u64 nr, struct trapframe *regs, u64 addr)
{
    if (unlikely(this_output_cpu()->sw_active[config]))
        perf_sw_count(config, nr, regs, addr);
}
// cpu-clock and task-clock: what they count is measured, so they overflow with the tick.
bool perf_is_clock(const struct perf_event *event);

// ---- the system call's half (linux/perf/open.c, linux/perf/file.c) ----

// Reads an attr from user memory and checks it. 0; -EFAULT; -E2BIG (size out of range or an unknown
// part is not zero; the size known here is written to attr.size); -EINVAL; -EOPNOTSUPP (a part of
// the interface this kernel does not have).
int perf_copy_attr(u64 uattr, struct perf_event_attr *attr);

// perf_event_open(2). Returns a descriptor or -errno.
s64 sys_perf_event_open(u64 uattr, s32 pid, s32 cpu, s32 group_fd, u64 flags);
// read(2) on the descriptor: writes the values in read_format order to user memory. Bytes, 0 (ERROR
// state), -ENOSPC (buffer too short), -EFAULT.
ssize_t perf_event_read_user(struct perf_event *event, u64 ubuf, size_t n);
// ioctl(2). 0 or -errno (-ENOTTY when unknown).
s64 perf_event_ioctl(struct perf_event *event, u32 cmd, u64 arg);

// ---- seams between the files ----

void perf_sw_init(void);
void perf_start_worker(void);
// Releases all copies of an original that is about to go. perf_mutex held.
void perf_release_children(struct perf_event *event);
