// The upcalls of perf: descriptors belong to linux/fs.
#pragma once

#include "arch/x86/types.h"

// Of poll(2).
#define PERF_POLL_IN  0x001u
#define PERF_POLL_HUP 0x010u

struct file;
struct task;
struct perf_event;

// linux/fs/perf_file.c. A new descriptor of the running task for this event, which it owns and
// releases (perf_event_release_kernel) at the last close; -EMFILE, -ENFILE or -ENOMEM, and then the
// event is released at once.
int perf_fd_install(struct perf_event *event, bool cloexec);
// linux/fs/perf_file.c. The event behind a descriptor of the running task; it stays until put. 0
// or -EBADF when it is no descriptor of an event.
struct perf_fd {
    struct perf_event *event;
    struct file *file; // keeps it
};
int perf_fd_get(int fd, struct perf_fd *out);
void perf_fd_put(struct perf_fd *fd);
// True if it is a descriptor of anything.
bool perf_fd_is_open(int fd);

// linux/fs/perf_file.c. Sends the signal of O_ASYNC: POLL_IN, or POLL_HUP. Task context;
// preemption may be off.
void perf_fd_signal(struct file *f, bool hangup);
// linux/fs/perf_file.c. poll(2) looks again. Any context but NMI and #DB.
void perf_fd_wake(void);

// linux/proc/perf_task.c. The process of a task; a kernel thread is its own. Any context.
u32 perf_task_pid(const struct task *t);
// linux/proc/perf_task.c. The parent of the running process. Task context.
u32 perf_parent_pid(void);
// linux/proc/perf_task.c. SIGTRAP with TRAP_PERF to the running task. Task context.
void perf_signal_trap(u64 addr, u32 type, u64 data);
