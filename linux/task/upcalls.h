// The upcalls of linux/task: what it asks of the rooms above.
#pragma once

struct process;
struct thread;

// linux/fs/path_calls.c. A new process has the root as its working directory. Task context.
void process_enter_root(struct process *p);
// linux/fs/path_calls.c. The process has ended: gives back its working directory. Task context.
void process_leave_cwd(struct process *p);

// linux/ptrace/stop.c. SIGCONT has come: if the thread is seized, its tracer is told. signal_lock
// held.
void ptrace_continued(struct thread *th);
// linux/ptrace/stop.c. The thread is to end: wakes it from a stop for its tracer. signal_lock held.
void ptrace_wake_dying(struct thread *th);
