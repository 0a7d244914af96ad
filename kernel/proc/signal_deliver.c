// Taking signals on the way back to ring 3: stop, end, or enter the handler; and restarting system
// calls.
#include "kernel/base/printk.h"
#include "kernel/debug/ptrace/ptrace.h"
#include "kernel/proc/signal_state.h"
#include "kernel/proc/sigqueue.h"
#include "kernel/proc/syscalls.h"
#include "kernel/proc/timespec.h"
#include "perf/context.h"

#define SYSCALL_INSN_LEN 2
#define SIG_FAULTS                                                                                 \
    (SIG_BIT(SIGILL) | SIG_BIT(SIGTRAP) | SIG_BIT(SIGBUS) | SIG_BIT(SIGFPE) | SIG_BIT(SIGSEGV))

// A traced thread takes part in a group stop once, and is then its tracer's to continue.
static bool must_stop(const struct process *p, const struct thread *th)
{
    return p->stopping && !(th->stopped && th->tracee);
}

static void update_pending(struct process *p, struct thread *th)
{
    u64 waiting = (th->pending.set | p->pending.set) & ~th->blocked;
    th->task->signal_pending = waiting || th->forced.signo || must_stop(p, th) || p->exiting ||
                               p->continued || (p->exec_task && p->exec_task != th->task) ||
                               ptrace_has_trap(th);
}

void signal_set_blocked(u64 mask)
{
    struct process *p = current_process();
    struct thread *th = current_thread();
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    th->blocked = mask & ~SIG_UNMASKABLE;
    update_pending(p, th);
    spin_unlock_irqrestore(&p->signal_lock, flags);
}

void signal_notify_parent(struct process *p, int sig, int code, int status)
{
    struct process *parent = p->parent;
    struct siginfo info = {
        .code = code,
        .chld = {.pid = p->pid, .status = status, .utime = process_runtime(p) / CLK_TCK_NS},
    };
    bool stop = code == CLD_STOPPED || code == CLD_CONTINUED;
    if (sig && !(stop && (parent->action[SIGCHLD - 1].flags & SA_NOCLDSTOP)))
        signal_process(parent, sig, &info);
    wake_all(&parent->child_wait);
}

static void report_continued(struct process *p)
{
    spin_lock(&proc_lock);
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    bool report = p->continued;
    p->continued = false;
    spin_unlock_irqrestore(&p->signal_lock, flags);
    if (report) {
        p->change = WAIT_CONTINUED;
        signal_notify_parent(p, SIGCHLD, CLD_CONTINUED, SIGCONT);
    }
    spin_unlock(&proc_lock);
}

// Stops the running thread until SIGCONT or SIGKILL; the last one to stop tells the parent. A
// traced one goes on to its trap, which tells the tracer.
static void stop_here(struct process *p, struct thread *th)
{
    spin_lock(&proc_lock);
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    bool last = false;
    int sig = p->stop_signal;
    if (p->stopping && !th->stopped) {
        th->stopped = true;
        last = ++p->nr_stopped == p->nr_threads;
        if (th->tracee)
            ptrace_join_group_stop(th);
    }
    spin_unlock_irqrestore(&p->signal_lock, flags);
    if (last) {
        p->change = WAIT_STOPPED(sig);
        if (!ptrace_traced_by(p, p->parent))
            signal_notify_parent(p, SIGCHLD, CLD_STOPPED, sig);
    }
    spin_unlock(&proc_lock);

    flags = spin_lock_irqsave(&p->signal_lock);
    bool sleep = p->stopping && th->stopped && !th->tracee && !p->exiting;
    if (sleep)
        th->task->state = TASK_STOPPED;
    spin_unlock_irqrestore(&p->signal_lock, flags);
    if (sleep)
        schedule();
}

// Takes the next signal; 0: none is left.
static int next_signal(struct process *p, struct thread *th, struct siginfo *info)
{
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    int sig = th->forced.signo;
    if (sig) {
        *info = th->forced;
        th->forced.signo = 0;
    }
    if (!sig)
        sig = sigpending_take(&th->pending, ~th->blocked, info);
    if (!sig)
        sig = sigpending_take(&p->pending, ~th->blocked, info);
    if (sig)
        th->stop_due = true;
    update_pending(p, th);
    spin_unlock_irqrestore(&p->signal_lock, flags);
    return sig;
}

static void take_action(struct process *p, int sig, struct sigaction *action)
{
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    struct sigaction *a = &p->action[sig - 1];
    *action = *a;
    if ((a->flags & SA_RESETHAND) && a->handler != SIG_IGN)
        a->handler = SIG_DFL;
    spin_unlock_irqrestore(&p->signal_lock, flags);
}

static void default_action(struct trapframe *f, struct process *p, const struct siginfo *info)
{
    int sig = info->signo;
    if (SIG_BIT(sig) & SIG_IGNORES)
        return;
    if (SIG_BIT(sig) & SIG_STOPS) {
        struct thread *th;
        u64 flags = spin_lock_irqsave(&p->signal_lock);
        if (current_thread()->stop_due) { // no SIGCONT since
            p->stopping = true;
            p->stop_signal = sig;
            list_for_each (th, &p->threads, node)
                signal_kick(th->task);
        }
        spin_unlock_irqrestore(&p->signal_lock, flags);
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

static void enter_handler(struct trapframe *f, struct thread *th, const struct sigaction *action,
                          const struct siginfo *info)
{
    u64 mask = th->restore_mask ? th->saved_mask : th->blocked;
    bool stepping = ptrace_handler_begin();
    restart_before_handler(f, action);
    if (signal_frame_push(f, action, info, mask)) {
        // A SIGSEGV for which there is no stack left cannot be handled either.
        if (info->signo == SIGSEGV)
            process_exit(WAIT_SIGNALED(SIGSEGV));
        signal_force_fault(SIGSEGV, SI_KERNEL, 0);
        return;
    }
    th->restore_mask = false;
    u64 block = th->blocked | action->mask;
    if (!(action->flags & SA_NODEFER))
        block |= SIG_BIT(info->signo);
    signal_set_blocked(block);
    if (stepping)
        ptrace_handler_entered();
}

bool user_return_due(void)
{
    const struct task *t = current_task();
    return t->signal_pending || perf_user_return_due(t);
}

void user_return(struct trapframe *f)
{
    struct task *t = current_task();
    perf_user_return();
    if (likely(!t->signal_pending))
        return;
    struct process *p = t->process;
    struct thread *th = t->thread;
    struct siginfo info;
    struct sigaction action;
    for (;;) {
        if (p->exiting || (p->exec_task && p->exec_task != t))
            thread_exit(p->exit_status);
        if (must_stop(p, th)) {
            stop_here(p, th);
            continue;
        }
        if (ptrace_has_trap(th)) {
            ptrace_trap();
            continue;
        }
        if (p->continued)
            report_continued(p);
        if (!next_signal(p, th, &info)) {
            if (!th->restore_mask)
                break;
            th->restore_mask = false; // and then what the old mask lets through
            signal_set_blocked(th->saved_mask);
            continue;
        }
        if (th->tracee && !ptrace_signal(&info))
            continue;
        take_action(p, info.signo, &action);
        if (action.handler == SIG_DFL)
            default_action(f, p, &info);
        else if (action.handler != SIG_IGN)
            enter_handler(f, th, &action, &info);
    }
    restart_without_handler(f);
}
