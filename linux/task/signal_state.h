// What the files of signal handling share with linux/ptrace and linux/proc. The rest of the kernel
// does not include this header.
#pragma once

#include "linux/task/process.h"

// What an interrupted system call returns inside the kernel, besides ERESTARTSYS
// (kernel/base/errno.h). The program never sees these values: user_return() turns each into a
// restart or into EINTR.
enum {
    ERESTARTNOINTR = 513,        // always restart
    ERESTARTNOHAND = 514,        // restart, unless a handler runs
    ERESTART_RESTARTBLOCK = 516, // by restart_syscall(2), with the thread's `restart`
};

// ---- signal_send.c ----

// Makes the task look at its signals, whether it sleeps or runs in ring 3 on another CPU.
// signal_lock held.
void signal_kick(struct task *t);
// signal_lock or proc_lock held.
bool signal_is_ignored(const struct process *p, int sig);
// Looks at the signals of `set` that are pending for the process. Shows each one to the first
// thread that does not block it. A thread that stops blocking a signal later finds the signal
// there. proc_lock held, no signal_lock.
void signal_offer(struct process *p, u64 set);
// Calls `step` for each thread of p, with signal_lock. proc_lock held, no signal_lock.
typedef void signal_step(struct thread *th, void *arg);
void signal_each_thread(struct process *p, signal_step *step, void *arg);
// A step that ends the thread. It wakes the thread, wherever the thread waits. Then the thread ends
// on its way to ring 3.
signal_step signal_kill_thread;
// Forgets the pending signals of this set, of the process and all its threads. proc_lock held.
void signal_forget(struct process *p, u64 set);

// The running thread may have been woken for these signals to the process, and will not take them.
// So other threads are to look at these signals. signal_lock held.
static inline void signal_leave(struct process *p, u64 set)
{
    p->left |= p->pending.set & set;
    p->offers = p->left;
}

// signal_kick() without waking or interrupting the task: it looks at its signals on its next way to
// ring 3. A task that does not run looks when it is switched in (S5, sched/sched.h).
static inline void signal_note(struct task *t)
{
    __atomic_store_n(&t->signal_pending, true, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&t->on_cpu, __ATOMIC_SEQ_CST))
        __atomic_fetch_or(&cpus[t->cpu].due, DUE_RETURN, __ATOMIC_SEQ_CST);
}
