// The upcalls of linux/fs: what its files ask of the rooms above.
#pragma once

#include "linux/task/process.h"

// linux/proc/misc.c. getrandom(2): fills user memory. Bytes, or -errno.
s64 sys_getrandom(u64 ubuf, u64 n, u32 flags);

// linux/proc/syscall.c. Test aid of debug builds (/proc/sys/kernel/fail_nth): the nth allocation in
// the running task's next system call fails. After that call: how many allocations short of it the
// call was, 0 when the failure has happened.
void syscall_fail_nth(u64 nth);
u64 syscall_fail_left(void);

// linux/ptrace/attach.c. tid of the thread's tracer, 0: none. NULL: the first thread, which has
// ended. proc_lock held.
u32 ptrace_tracer_tid(const struct process *p, const struct thread *th);

// debug/kgdb/kgdb.c. Stops the machine for gdb. 0 when gdb has let it go on, -ENODEV when the stub
// is off. Task context.
int kgdb_enter(void);

// linux/proc/misc.c. Names a thread. A process has the name of its first thread. Task context.
void thread_set_name(struct task *t, const char *name);

// linux/proc/init.c. A key like Ctrl-C: the init thread sends `sig` to the console's foreground
// group a moment later (linux/fs/console.h). Any context but NMI and #DB.
void console_signal(int sig);
