// The upcalls of linux/perf: what it asks of the rooms above.
#pragma once

#include "arch/x86/types.h"

// The POLL* bits of poll(2).
#define PERF_POLL_IN  0x001u
#define PERF_POLL_HUP 0x010u

struct file;
struct task;
struct perf_event;

// linux/fs/perf_file.c. Reserves a new descriptor of the running task, and all the memory that it
// needs. It comes before the event is made, because programs can see an event that was made. 0,
// -EMFILE, -ENFILE or -ENOMEM. Afterwards the descriptor is either filled or given back. Task
// context.
struct perf_new_fd {
    int fd;
    struct file *file;
};
int perf_fd_reserve(struct perf_new_fd *new, bool cloexec);
// Returns the descriptor. The file owns the event, and releases it (perf_event_release_kernel) at
// its last close.
int perf_fd_fill(const struct perf_new_fd *new, struct perf_event *event);
void perf_fd_give_back(const struct perf_new_fd *new);
// linux/fs/perf_file.c. Finds the event behind a descriptor of the running task. The event stays
// until perf_fd_put(). 0, or -EBADF when it is no descriptor of an event. Task context.
struct perf_fd {
    struct perf_event *event;
    struct file *file; // keeps the event
};
int perf_fd_get(int fd, struct perf_fd *out);
void perf_fd_put(struct perf_fd *fd);
// True if fd is a descriptor of any file.
bool perf_fd_is_open(int fd);

// linux/fs/perf_file.c. Sends the signal of O_ASYNC: POLL_IN, or with `hangup` POLL_HUP. Task
// context. Preemption may be off.
void perf_fd_signal(struct file *f, bool hangup);
// linux/fs/perf_file.c. poll(2) looks again. Any context but NMI and #DB.
void perf_fd_wake(void);

// linux/proc/perf_task.c. The pid of a task's process, or a kernel thread's tid. Any context.
u32 perf_task_pid(const struct task *t);
// linux/proc/perf_task.c. The pid of the running process's parent. Task context.
u32 perf_parent_pid(void);
// linux/proc/perf_task.c. Sends SIGTRAP with code TRAP_PERF to the running task. Task context.
void perf_signal_trap(u64 addr, u32 type, u64 data);
