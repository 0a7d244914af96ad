// ptrace(2): one thread, the tracer, stops another thread, the tracee. Then the tracer looks at the
// tracee and changes it.
//
// The rest of the kernel calls these functions where a tracee may stop. All of them run in task
// context and are about the running thread. For a thread that is not traced they only look into
// struct thread. docs/ptrace.md says in which order things happen.
#pragma once

#include "linux/task/process.h"

struct tracee;

// ptrace(2). 0 or a value, or -errno.
s64 sys_ptrace(s64 request, s32 tid, u64 addr, u64 data);

// ---- stops (stop.c); they sleep until the tracer lets the thread go on ----

// thread->trace
#define TRACE_SYSCALLS 1u
#define TRACE_STEP     2u
#define TRACE_EMULATE  4u  // system calls stop at their beginning, and are skipped
#define TRACE_TF       8u  // TF in its frame is the tracer's, not the program's
#define TRACE_PUSHES   16u // and the step is over PUSHF, which shows it to the program

// A signal is about to be acted on, and the tracer sees it first. Returns the signal to act on,
// with its *info, or 0: none.
int ptrace_signal(struct siginfo *info);
// The thread is asked to stop, or takes part in a group stop.
void ptrace_trap(void);
// A system call of the running thread begins, and ends. Its thread->trace is not 0.
// ptrace_syscall_enter() returns true if the call is to be skipped.
bool ptrace_syscall_enter(struct trapframe *f);
void ptrace_syscall_leave(struct trapframe *f);
// An event of PTRACE_SETOPTIONS has happened. The thread stops if its tracer asks for this event.
void ptrace_event(u32 event, u64 message);
// execve(2) has succeeded. `tid` is the thread's tid before the call.
void ptrace_exec(u32 tid);
// A handler's frame is made between these two calls. ptrace_handler_begin() returns true if a
// tracer steps the thread. Then the tracer sees the handler's first instruction.
bool ptrace_handler_begin(void);
void ptrace_handler_entered(void);

// ---- for signals (stop.c); the process's signal_lock is held ----

// True if the thread must call ptrace_trap().
bool ptrace_has_trap(const struct thread *th);
// The thread takes part in a group stop. It traps instead of going to sleep.
void ptrace_join_group_stop(struct thread *th);

// ---- life (attach.c) ----

// The new task is the running thread's child by `event` (PTRACE_EVENT_FORK, _VFORK or _CLONE). If
// the tracer wants children too, this allocates a tracee before anything is linked. 0 and *out (may
// be NULL), or -ENOMEM.
int ptrace_fork(struct task *child, struct tracee **out);
// Links the tracee, before the child starts. False: the tracer does not want it (any more), and the
// caller frees it. proc_lock held.
bool ptrace_fork_link(struct tracee *tr, u32 event);
// Frees a tracee that is linked nowhere. NULL is allowed. Task context.
void ptrace_free(struct tracee *tr);
// The running thread, the last one of p, has taken over the tid of the first thread. Returns the
// first thread's tracee for ptrace_free(), or NULL if it had none. proc_lock held.
struct tracee *ptrace_become_leader(struct process *p);
// The running thread has left its process: it lets go of its tracees.
void ptrace_exit(struct thread *th);
// A thread has ended: its tracer is told, unless it was the first thread. proc_lock held.
void ptrace_thread_ended(struct thread *th);
// The process has ended, and its first thread is traced. True if the tracer's process is not the
// parent. Then the tracer has been told, and the parent is told later. proc_lock held.
bool ptrace_process_ended(struct process *p);

// ---- debug registers (debugreg.c) ----

// The running thread executes a program, or ends. Removes the debug registers that tracers have
// written for it. Task context, no locks.
void ptrace_flush(void);

// ---- #DB (step.c) ----

// `dr6` has the causes of a #DB in ring 3. Returns the causes that count, as bits of DR6. The step
// of a tracer that is gone does not count.
u64 ptrace_debug_causes(u64 dr6);

// ---- for wait(2) and /proc (attach.c); proc_lock held ----

struct waited_tracee {
    struct tracee *tracee;
    struct process *process;
    u32 tid;
    bool ended;
    int status; // the wait status of the end or of a stop
};
// Looks for a tracee of this thread with this tid and group (0: any). It must have a stop that was
// not reported yet. With `ends` an end that was not reported counts, too. 1: *w is filled. 0: there
// is none at the moment. -ECHILD: no such tracee.
int ptrace_look(const struct thread *tracer, u32 tid, u32 pgid, bool ends, struct waited_tracee *w);
// The tracee's stop has been reported. It will not be reported again.
void ptrace_reported(struct tracee *tr);
// The tracee's end has been reported, so it is nobody's tracee any more. The caller frees it by
// ptrace_free(), without the lock.
void ptrace_reap(struct tracee *tr);
// True if a thread of `tracer` traces the process's first thread.
bool ptrace_traced_by(const struct process *p, const struct process *tracer);
