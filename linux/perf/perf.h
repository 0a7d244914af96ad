// Perf events as programs use them: the system call, software events, inheritance.
#pragma once

#include "kernel/base/printk.h"
#include "linux/perf/output.h"

// Registers the software events. Starts the thread that does the work that a #DB in ring 0 leaves.
// Boot CPU, once, after perf_init().
void perf_programs_init(void);

// Calls fn for every event of the context, siblings before their leader. fn may free the event.
void perf_for_each_event(struct perf_event_context *ctx,
                         void (*fn)(struct perf_event *event, void *arg), void *arg);

// The same for the events of both contexts that run on this CPU. fn must not change a list. IRQs
// off.
void perf_for_each_here(void (*fn)(struct perf_event *event, void *arg), void *arg);
// The same, but only for events that are ACTIVE, that sample, and that overflow into
// perf_counted().
void perf_for_each_sampling(void (*fn)(struct perf_event *event, void *arg), void *arg);

// True if the event will never count again: it was retired, or its task has ended.
static inline bool perf_event_ended(const struct perf_event *event)
{
    return event->state == PERF_EXIT || (event->ctx->task && event->ctx->dead);
}

// Bytes of the kernel's memory that an event takes, without its buffer.
static inline size_t perf_event_size(const struct perf_event *event)
{
    return event->pmu->size + sizeof(struct perf_output);
}

// The text of /proc/hwbp, in the format of docs/hwbp.md. It is empty in a kernel without
// breakpoints. Task context.
void hwbp_show(struct text *t, u64);

// ---- the life of tasks (called by linux/proc) ----

// `child` is about to start. With `thread` it is a thread of the running task's process. It gets
// copies of the events that are inherited. 0, or -ENOMEM, and nothing is left behind. Task context.
int perf_fork(struct task *child, bool thread);
// The child will not start after all: ends its copies. Task context.
void perf_fork_failed(struct task *child);
// The running task `t` ends. Its events leave their registers. Their counts can still be read. Task
// context.
void perf_exit_task(struct task *t);
// The running task `t` becomes another program. Task context.
void perf_exec(struct task *t);
// Bytes of the copies that the task has inherited. The task is referenced or cannot end.
u64 perf_task_weight(const struct task *t);
// The running task is about to go back to ring 3. Sends the signals and wakeups of its events. Task
// context, IRQs on.
void perf_user_return(void);

// ---- software events ----

// A software event has happened in the running task, `nr` times at `regs`. Every ACTIVE event of
// this config on this CPU counts it. `addr` is the address of a page fault. IRQs off.
void perf_sw_count(u32 config, u64 nr, struct trapframe *regs, u64 addr);
static inline void perf_sw_event(u32 config, u64 nr, struct trapframe *regs, u64 addr)
{
    if (unlikely(this_output_cpu()->sw_active[config]))
        perf_sw_count(config, nr, regs, addr);
}
// True for cpu-clock and task-clock. They are read and not counted, so a timer makes their samples
// (linux/perf/clock.c).
bool perf_is_clock(const struct perf_event *event);

// ---- the system call's half (linux/perf/open.c, linux/perf/file.c) ----

// Reads an attr from user memory and checks it. 0, -EFAULT or -EINVAL. -E2BIG: the size is out of
// range, or an unknown part is not zero. Then the size that is known here is written to attr.size
// in user memory. -EOPNOTSUPP: the attr asks for a part of the interface that this kernel does not
// have. Task context.
int perf_copy_attr(u64 uattr, struct perf_event_attr *attr);

// perf_event_open(2). Returns a descriptor or -errno. Task context.
s64 sys_perf_event_open(u64 uattr, s32 pid, s32 cpu, s32 group_fd, u64 flags);
// read(2) on the descriptor: writes the values, in the order of read_format, to user memory.
// Returns bytes, 0 (the event is in the ERROR state), -ENOSPC (n is too small), or -EFAULT. Task
// context.
ssize_t perf_event_read_user(struct perf_event *event, u64 ubuf, size_t n);
// ioctl(2) on the descriptor. 0 or more, or -errno (-ENOTTY for an unknown cmd). Task context.
s64 perf_event_ioctl(struct perf_event *event, u32 cmd, u64 arg);

// ---- seams between the files ----

void perf_sw_init(void);
void perf_start_worker(void);
// Releases all copies of an original that is about to end. perf_mutex held.
void perf_release_children(struct perf_event *event);
