// The upcalls of linux/task.
#pragma once

struct process;
struct thread;

// linux/fs/path_calls.c. A new process has the root as its working directory. Task context.
void process_enter_root(struct process *p);
// linux/fs/path_calls.c. It has ended: its working directory is given back. Task context.
void process_leave_cwd(struct process *p);

// linux/ptrace/stop.c. SIGCONT has come: a seized tracee tells. signal_lock held.
void ptrace_continued(struct thread *th);
// linux/ptrace/stop.c. The thread is to die: wakes it from its stop. signal_lock held.
void ptrace_wake_dying(struct thread *th);
