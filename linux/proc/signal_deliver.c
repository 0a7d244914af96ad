// How a thread takes signals on its way back to ring 3. It stops, ends, or enters the handler.
// Interrupted system calls are restarted here, too.
#include "arch/x86/user/upcalls.h"
#include "linux/proc/life.h"
#include "linux/proc/signals.h"
#include "linux/task/sigqueue.h"
#include "linux/proc/syscalls.h"
#include "linux/ptrace/ptrace.h"
#include "linux/perf/perf.h"

#define SYSCALL_INSN_LEN 2

// A traced thread takes part in a group stop once. Then its tracer decides when it goes on.
static bool must_stop(const struct process *p, const struct thread *th)
{
    return p->stopping && !(thread_stopped(p, th) && th->tracee);
}

static bool has_to_do(const struct process *p, const struct thread *th)
{
    return p->continued || p->offers || must_stop(p, th);
}

// Takes a spinlock where IRQs are known to be on.
static void lock_irq(struct spinlock *l)
{
    irq_disable();
    spin_lock(l);
}

static void unlock_irq(struct spinlock *l)
{
    spin_release(l);
    irq_enable();
    preempt_enable();
}

// Sets signal_pending of the running thread. signal_lock held.
static inline void update_pending(struct process *p, struct thread *th)
{
    struct task *t = th->task;
    u64 waiting = (th->pending.set | p->pending.set) & ~th->blocked;
    t->signal_pending = false;
    if (waiting || th->forced || t->killed || (p->to_do && has_to_do(p, th)) ||
        (th->tracee && ptrace_has_trap(th)))
        signal_note(t);
}

// Sets the running thread's mask. signal_lock held.
static void set_blocked(struct process *p, struct thread *th, u64 mask)
{
    if (unlikely(p->pending.set))
        signal_leave(p, mask & ~th->blocked);
    th->blocked = mask;
    update_pending(p, th);
}

void signal_set_blocked(u64 mask)
{
    struct thread *th = current_thread();
    struct process *p = current_process();
    lock_irq(&p->signal_lock);
    set_blocked(p, th, mask & ~SIG_UNMASKABLE);
    unlock_irq(&p->signal_lock);
}

void signal_notify_parent(struct process *p, int sig, int code, int status)
{
    struct process *parent = p->parent;
    const struct sigaction *a = &parent->action[SIGCHLD - 1];
    const struct usage used = process_usage(p);
    struct siginfo info = {
        .code = code,
        .chld = {.pid = p->pid,
                 .status = status,
                 .utime = usage_user_ns(&used) / CLK_TCK_NS,
                 .stime = used.system_ns / CLK_TCK_NS},
    };
    bool stop = code == CLD_STOPPED || code == CLD_CONTINUED;
    // A SIGCHLD that is ignored is not sent, even if the parent blocks it or waits for it.
    bool unwanted = (a->handler == SIG_IGN && !p->tracee) || (stop && (a->flags & SA_NOCLDSTOP));
    if (sig && !(sig == SIGCHLD && unwanted))
        signal_process(parent, sig, &info);
    wake_all(&parent->child_wait);
}

// The thread that comes first tells the parent and the other threads.
static void tell_others(struct process *p)
{
    mutex_lock(&proc_lock);
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    bool continued = p->continued;
    u64 left = p->left;
    p->continued = p->offers = false;
    p->left = 0;
    spin_unlock_irqrestore(&p->signal_lock, flags);
    if (continued) {
        p->change = WAIT_CONTINUED;
        signal_notify_parent(p, SIGCHLD, CLD_CONTINUED, SIGCONT);
    }
    signal_offer(p, left);
    mutex_unlock(&proc_lock);
}

// Stops the running thread until SIGCONT or SIGKILL. The last thread that stops tells the parent.
// Then the parent sees the process stopped. A traced thread goes on to its trap, which tells the
// tracer.
static void stop_here(struct process *p, struct thread *th)
{
    mutex_lock(&proc_lock);
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    bool last = false;
    int sig = p->stop_signal;
    if (p->stopping && !thread_stopped(p, th)) {
        th->stopped_in = p->round;
        last = ++p->nr_stopped == p->nr_threads;
        if (th->tracee)
            ptrace_join_group_stop(th);
    }
    bool sleep = p->stopping && !th->tracee && !p->exiting;
    if (sleep)
        th->task->state = TASK_STOPPED;
    spin_unlock_irqrestore(&p->signal_lock, flags);
    if (last) {
        p->change = WAIT_STOPPED(sig);
        if (!ptrace_traced_by(p, p->parent))
            signal_notify_parent(p, SIGCHLD, CLD_STOPPED, sig);
    }
    mutex_unlock(&proc_lock);
    if (sleep)
        schedule();
}

// Does what p->to_do says. True: the thread has stopped, and must look again.
static __attribute__((noinline)) bool do_it(struct process *p, struct thread *th)
{
    if (p->continued || p->offers)
        tell_others(p);
    if (!must_stop(p, th))
        return false;
    stop_here(p, th);
    return true;
}

// Takes the next signal into th->siginfo. Returns its number, or 0 when none is left. signal_lock
// held.
static int next_signal(struct process *p, struct thread *th)
{
    if (th->forced) {
        th->forced = false;
        return th->siginfo.signo;
    }
    int sig = sigpending_take(&th->pending, ~th->blocked, &th->siginfo);
    if (!sig)
        sig = sigpending_take(&p->pending, ~th->blocked, &th->siginfo);
    return sig;
}

static void look_at_signals(struct thread *th, void *)
{
    signal_kick(th->task);
}

// The running thread has taken a stop signal.
static void stop_process(struct process *p, struct thread *th, int sig)
{
    mutex_lock(&proc_lock);
    bool stops = sig == SIGSTOP || !process_group_orphaned(p->pgid); // orphans stay so
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    stops &= th->taken_in == p->round; // no SIGCONT has come since
    if (stops) {
        p->stopping = true;
        p->stop_signal = sig;
    }
    spin_unlock_irqrestore(&p->signal_lock, flags);
    if (stops)
        signal_each_thread(p, look_at_signals, NULL);
    mutex_unlock(&proc_lock);
}

static void default_action(struct trapframe *f, struct process *p, const struct siginfo *info)
{
    int sig = info->signo;
    if ((SIG_BIT(sig) & SIG_IGNORES) || (p->unkillable && !(SIG_BIT(sig) & SIG_UNMASKABLE)))
        return;
    if (SIG_BIT(sig) & SIG_STOPS) {
        stop_process(p, current_thread(), sig);
        return;
    }
    if ((SIG_BIT(sig) & SIG_FAULTS) && info->code > 0)
        printk("%s[%u]: killed by signal %d, code %d, at 0x%lx, address 0x%lx\n", p->comm, p->pid,
               sig, info->code, f->rip, info->fault.addr);
    process_exit(WAIT_SIGNALED(sig));
}

static void restart(struct trapframe *f, u64 number)
{
    f->rax = number;
    f->rip -= SYSCALL_INSN_LEN;
}

static void restart_before_handler(struct trapframe *f, const struct sigaction *action)
{
    if (f->vector != VECTOR_SYSCALL)
        return;
    switch ((s64)f->rax) {
    case -ERESTARTNOHAND:
    case -ERESTART_RESTARTBLOCK:
        f->rax = -EINTR;
        break;
    case -ERESTARTSYS:
        if (!(action->flags & SA_RESTART)) {
            f->rax = -EINTR;
            break;
        }
        // fall through
    case -ERESTARTNOINTR:
        restart(f, f->error);
    }
}

static void restart_without_handler(struct trapframe *f)
{
    if (f->vector != VECTOR_SYSCALL)
        return;
    switch ((s64)f->rax) {
    case -ERESTARTSYS:
    case -ERESTARTNOHAND:
    case -ERESTARTNOINTR:
        restart(f, f->error);
        break;
    case -ERESTART_RESTARTBLOCK:
        restart(f, SYS_restart_syscall);
    }
}

bool user_return_due(void)
{
    const struct task *t = current_task();
    return t->signal_pending || perf_user_return_due(t);
}

// Sets the thread's mask for the time in which the handler runs. signal_lock held.
static void begin_handler(struct process *p, struct thread *th, const struct sigaction *action)
{
    u64 own = action->flags & SA_NODEFER ? 0 : SIG_BIT(th->siginfo.signo);
    th->restore_mask = false;
    set_blocked(p, th, th->blocked | action->mask | own);
}

// `before`: the signals that were blocked when this one came. `mask`: what sigreturn puts back.
static void enter_handler(struct trapframe *f, struct thread *th, const struct sigaction *action,
                          u64 before, u64 mask)
{
    bool stepping = th->trace && ptrace_handler_begin();
    restart_before_handler(f, action);
    if (!signal_frame_push(f, th, action, mask)) {
        if (stepping)
            ptrace_handler_entered();
        return;
    }
    // If there is no stack for the frame of a SIGSEGV, a second SIGSEGV could not be handled
    // either.
    if (th->siginfo.signo == SIGSEGV)
        process_exit(WAIT_SIGNALED(SIGSEGV));
    th->restore_mask = mask != before;
    signal_set_blocked(before);
    signal_force_fault(SIGSEGV, SI_KERNEL, 0);
}

// Takes one signal, if there is one.
static void deliver(struct trapframe *f, struct process *p, struct thread *th)
{
    lock_irq(&p->signal_lock);
    int sig = next_signal(p, th);
    if (!sig) {
        if (th->restore_mask) // afterwards come the signals that the old mask lets through
            th->blocked = th->saved_mask;
        th->restore_mask = false;
        update_pending(p, th);
        unlock_irq(&p->signal_lock);
        return;
    }
    th->taken_in = p->round;
    if (th->tracee) {
        unlock_irq(&p->signal_lock);
        sig = ptrace_signal(&th->siginfo);
        if (!sig)
            return;
        lock_irq(&p->signal_lock);
    }
    struct sigaction *a = &p->action[sig - 1], action = *a;
    if (action.handler == SIG_DFL || action.handler == SIG_IGN) {
        unlock_irq(&p->signal_lock);
        if (action.handler == SIG_DFL)
            default_action(f, p, &th->siginfo);
        return;
    }
    u64 before = th->blocked, mask = th->restore_mask ? th->saved_mask : before;
    if (action.flags & SA_RESETHAND)
        a->handler = SIG_DFL;
    begin_handler(p, th, &action);
    unlock_irq(&p->signal_lock);
    enter_handler(f, th, &action, before, mask);
}

// signal_pending is cleared only under the lock, when no signal is left.
void user_return(struct trapframe *f)
{
    struct task *t = current_task();
    perf_user_return();
    if (likely(!t->signal_pending))
        return;
    struct process *p = t->process;
    struct thread *th = t->thread;
    do {
        if (sched_killed())
            thread_exit(p->exit_status);
        if (unlikely(p->to_do) && do_it(p, th))
            continue;
        if (th->tracee && ptrace_has_trap(th))
            ptrace_trap();
        else
            deliver(f, p, th);
    } while (t->signal_pending);
    restart_without_handler(f);
}
