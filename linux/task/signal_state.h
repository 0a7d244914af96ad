// What the files of signal handling share: actions, frames, restarts. Not for the rest of the
// kernel.
#pragma once

#include "linux/task/process.h"

// What an interrupted system call returns inside the kernel, beside ERESTARTSYS
// (kernel/base/errno.h). The program never sees these: user_return() turns them into a restart or
// EINTR.
enum {
    ERESTARTNOINTR = 513,        // always restart
    ERESTARTNOHAND = 514,        // restart unless a handler runs
    ERESTART_RESTARTBLOCK = 516, // the same, by restart_syscall(2) and the thread's `restart`
};

#define SS_ONSTACK    1u
#define SS_DISABLE    2u
#define SS_AUTODISARM (1u << 31)
#define MINSIGSTKSZ   2048

// stack_t
struct altstack {
    u64 sp;
    u32 flags, pad;
    u64 size;
};

// ---- signal_send.c; signal_lock held ----

// Makes the task look at its signals, whether it sleeps or runs in ring 3 on another CPU.
void signal_kick(struct task *t);
bool signal_is_ignored(const struct process *p, int sig);
// The thread ends on its way to ring 3, wherever it waits now.
void signal_kill_thread(struct thread *th);
// Forgets pending signals of the process and all its threads.
void signal_flush_all(struct process *p, u64 set);

// The same without waking or interrupting it: it looks on its next way to ring 3, whatever it may
// have seen of what the caller does from now on. One that does not run looks when it is switched in
// (S5).
static inline void signal_note(struct task *t)
{
    __atomic_store_n(&t->signal_pending, true, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&t->on_cpu, __ATOMIC_SEQ_CST))
        __atomic_fetch_or(&cpus[t->cpu].due, DUE_RETURN, __ATOMIC_SEQ_CST);
}

// ---- signal_calls.c ----

// The program's mask for the length of one call: the signal that ends it, or its end, brings the
// old one back. 0, -EINVAL, -EFAULT.
int signal_begin_mask(u64 uset, u64 set_size);

// ---- time.c ----

// Leaves word how to go on: the interrupted call returns what this does.
s64 restart_later(const struct restart *r);

// ---- signal_deliver.c ----

// Sets current's mask (SIGKILL and SIGSTOP stay unblocked) and looks for signals that it lets
// through.
void signal_set_blocked(u64 mask);
// Tells the parent that p stopped, went on or ended. proc_lock held, no signal_lock.
void signal_notify_parent(struct process *p, int sig, int code, int status);

// ---- signal_frame.c ----

// Makes the program enter the handler for th->siginfo (th is the running thread). `mask` is what
// sigreturn puts back. 0, or -EFAULT: the frame could not be written, and nothing has changed.
int signal_frame_push(struct trapframe *f, struct thread *th, const struct sigaction *action,
                      u64 mask);

static inline bool on_altstack(const struct thread *th, u64 sp)
{
    return !(th->altstack_flags & SS_AUTODISARM) && sp > th->altstack &&
           sp - th->altstack <= th->altstack_size;
}
// current's alternate stack as sigaltstack(2) shows it to a program whose stack pointer is sp, and
// its change: 0, -EPERM while in use, -EINVAL, -ENOMEM.
void altstack_get(struct altstack *s, u64 sp);
int altstack_set(const struct altstack *s, u64 sp);
