// Signals on their way to a handler: masks, frames, restarts. The files of linux/proc share this.
#pragma once

#include "linux/task/signal_state.h"

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

// ---- signal_calls.c ----

// Sets the program's mask at user address `uset` for the length of one system call. The end of the
// call, or the signal that interrupts it, brings the old mask back. 0, -EINVAL, -EFAULT.
int signal_begin_mask(u64 uset, u64 set_size);

// ---- time.c ----

// Stores how restart_syscall(2) is to go on with the running call. The caller returns the value of
// this function.
s64 restart_later(const struct restart *r);

// ---- signal_deliver.c ----

// Sets the running thread's mask. SIGKILL and SIGSTOP stay unblocked. A pending signal that the new
// mask lets through will be taken on the way to ring 3.
void signal_set_blocked(u64 mask);
// Sends SIGCHLD to p's parent: p has stopped, goes on or has ended. `code` and `status` go into the
// siginfo. proc_lock held, no signal_lock.
void signal_notify_parent(struct process *p, int sig, int code, int status);

// ---- signal_frame.c ----

// Makes the running thread `th` enter its handler for th->siginfo. rt_sigreturn(2) will put back
// `mask`. 0, or -EFAULT: the frame could not be written, and nothing has changed.
int signal_frame_push(struct trapframe *f, struct thread *th, const struct sigaction *action,
                      u64 mask);

// True if a program whose stack pointer is sp uses its alternate stack.
static inline bool on_altstack(const struct thread *th, u64 sp)
{
    return !(th->altstack_flags & SS_AUTODISARM) && sp > th->altstack &&
           sp - th->altstack <= th->altstack_size;
}
// altstack_get() gives the running thread's alternate stack, as sigaltstack(2) shows it to a
// program whose stack pointer is sp. altstack_set() changes it. 0, -EPERM (the stack is in use),
// -EINVAL (flags), -ENOMEM (too small).
void altstack_get(struct altstack *s, u64 sp);
int altstack_set(const struct altstack *s, u64 sp);
