// The upcalls of linux/fs: what its files ask of the rooms above.
#pragma once

#include "linux/task/process.h"

// linux/proc/misc.c. getrandom(2): fills n bytes at ubuf. Bytes, or -errno. Task context.
s64 sys_getrandom(u64 ubuf, u64 n, u32 flags);

// linux/proc/syscall.c. For tests, in debug builds (/proc/sys/kernel/fail_nth). The nth allocation
// in the running task's next system call fails. After that call syscall_fail_left() says how many
// allocations were missing to the nth, or 0 when the failure has happened. Task context.
void syscall_fail_nth(u64 nth);
u64 syscall_fail_left(void);

// linux/ptrace/attach.c. The tid of the thread's tracer, or 0. `th` NULL stands for the first
// thread after its end. proc_lock held.
u32 ptrace_tracer_tid(const struct process *p, const struct thread *th);

// debug/kgdb/kgdb.c. Stops the machine for gdb. 0 when gdb has let it go on, or -ENODEV: the stub
// is off. Task context.
int kgdb_enter(void);

// linux/proc/misc.c. Names a thread. A process has the name of its first thread. Task context.
void thread_set_name(struct task *t, const char *name);

// linux/proc/init.c. A key like Ctrl-C: the init thread sends `sig` to the console's foreground
// group a moment later (linux/fs/console.h). Any context but NMI and #DB.
void console_signal(int sig);
// There are too many waiters for an interrupt to wake: the init thread calls console_wake().
void console_wake_rest(void);
