// Sending signals: which thread takes a signal, whether it is ignored, which threads have to be
// woken.
#include "arch/x86/smp.h"
#include "linux/task/process.h"
#include "linux/task/signal_state.h"
#include "linux/task/upcalls.h"
#include "linux/task/sigqueue.h"

static void kick(struct task *t, u32 states)
{
    signal_note(t);
    sched_wake_from(t, states);
    // The task may still be on its CPU, on its way to sleep. Then it runs on, and must look.
    if (t != current_task() && __atomic_load_n(&t->on_cpu, __ATOMIC_SEQ_CST))
        smp_reschedule(t->cpu);
}

void signal_kick(struct task *t)
{
    kick(t, BIT(TASK_SLEEPING));
}

// The signals that the thread does not take now. signal_lock held.
static u64 blocked(const struct thread *th)
{
    return th->blocked & ~th->waiting_for;
}

static bool takes(const struct thread *th, int sig)
{
    return !(blocked(th) & SIG_BIT(sig));
}

// When the first program ends, the machine ends. So a signal without a handler does nothing to it,
// as with Linux's first process (kill(2), Notes). SIGKILL and SIGSTOP do nothing either, unless the
// kernel itself sends them (`info` NULL).
static bool spares(const struct process *p, int sig, const struct siginfo *info)
{
    bool kernel = !info && (SIG_BIT(sig) & SIG_UNMASKABLE);
    return p->unkillable && p->action[sig - 1].handler == SIG_DFL && !kernel;
}

bool signal_is_ignored(const struct process *p, int sig)
{
    u64 handler = p->action[sig - 1].handler;
    return handler == SIG_IGN || (handler == SIG_DFL && (SIG_BIT(sig) & SIG_IGNORES));
}

// The thread that takes a signal to the process, if it can be found without a look at all threads.
// It is the running thread or the first one. NULL: there may be others, and signal_offer() looks at
// them.
static struct thread *likely_taker(struct process *p, int sig)
{
    if (current_process() == p && takes(current_thread(), sig))
        return current_thread();
    struct thread *first = list_first(&p->threads, struct thread, node);
    return takes(first, sig) ? first : NULL;
}

void signal_offer(struct process *p, u64 set)
{
    struct thread *th;
    list_for_each (th, &p->threads, node) {
        if (!set)
            break;
        u64 flags = spin_lock_irqsave(&p->signal_lock);
        u64 taken = set & ~blocked(th);
        if (taken & p->pending.set)
            signal_kick(th->task);
        spin_unlock_irqrestore(&p->signal_lock, flags);
        set &= ~taken;
    }
}

void signal_each_thread(struct process *p, signal_step *step, void *arg)
{
    struct thread *th;
    list_for_each (th, &p->threads, node) {
        u64 flags = spin_lock_irqsave(&p->signal_lock);
        step(th, arg);
        spin_unlock_irqrestore(&p->signal_lock, flags);
    }
}

void signal_kill_thread(struct thread *th, void *)
{
    struct task *t = th->task;
    __atomic_store_n(&t->killed, true, __ATOMIC_RELEASE);
    kick(t, BIT(TASK_SLEEPING) | BIT(TASK_STOPPED) | BIT(TASK_KILLABLE));
    ptrace_wake_dying(th);
}

void signal_kill_process(struct process *p, int wait_status)
{
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    bool first = !p->exiting;
    p->exiting = true;
    if (first)
        p->exit_status = wait_status;
    spin_unlock_irqrestore(&p->signal_lock, flags);
    if (first)
        signal_each_thread(p, signal_kill_thread, NULL);
}

// For a process that ends already. Its threads may wait for their tracers.
static void wake_dying(struct thread *th, void *)
{
    ptrace_wake_dying(th);
}

static void forget(struct process *p, struct sigpending *q, u64 set)
{
    struct list gone = LIST_INIT(gone);
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    sigpending_flush(q, set, &gone);
    spin_unlock_irqrestore(&p->signal_lock, flags);
    sigpending_free(&gone);
}

void signal_forget(struct process *p, u64 set)
{
    struct thread *th;
    list_for_each (th, &p->threads, node)
        if (th->pending.set & set)
            forget(p, &th->pending, set);
    forget(p, &p->pending, set);
}

static void continue_thread(struct thread *th, void *was_stopping)
{
    ptrace_continued(th);
    if (*(bool *)was_stopping)
        sched_wake_from(th->task, BIT(TASK_SLEEPING) | BIT(TASK_STOPPED));
}

// Afterwards no stop signal is pending. If a thread has taken a stop signal, or has stopped, it did
// so in an old round.
static void continue_process(struct process *p)
{
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    bool was_stopping = p->stopping;
    p->round++;
    p->stopping = false;
    if (was_stopping && p->nr_stopped == p->nr_threads)
        p->continued = true;
    p->nr_stopped = 0;
    spin_unlock_irqrestore(&p->signal_lock, flags);
    signal_each_thread(p, continue_thread, &was_stopping);
}

// Puts the signal into the queue q, and wakes the thread that takes it: `taker`, if not NULL.
// signal_lock held.
static int queue(struct process *p, struct sigpending *q, struct thread *taker, int sig,
                 const struct siginfo *info)
{
    if (taker && spares(p, sig, info) && (sig == SIGKILL || !taker->tracee))
        return 0;
    // An ignored signal vanishes, with three exceptions. If it is blocked, the action may change
    // until it is taken. A thread may wait for it. And a tracer sees ignored signals as well.
    if (taker && !taker->tracee && !(taker->waiting_for & SIG_BIT(sig)) &&
        signal_is_ignored(p, sig))
        return 0;
    int err = sigpending_add(q, sig, info, p->limits[RLIMIT_SIGPENDING].soft);
    if (!err && taker)
        signal_kick(taker->task);
    return err;
}

// Does at once what a signal does to the whole process. True: the signal is not queued.
static __attribute__((noinline)) bool control(struct process *p, int sig,
                                              const struct siginfo *info)
{
    if (sig == SIGKILL && !spares(p, sig, info)) {
        if (p->exiting)
            signal_each_thread(p, wake_dying, NULL);
        signal_kill_process(p, WAIT_SIGNALED(SIGKILL));
        return true;
    }
    if (p->exiting)
        return true;
    if (SIG_BIT(sig) & SIG_STOPS)
        signal_forget(p, SIG_BIT(SIGCONT));
    if (sig == SIGCONT) {
        signal_forget(p, SIG_STOPS);
        continue_process(p);
    }
    return false;
}

#define SIG_CONTROLS (SIG_BIT(SIGKILL) | SIG_BIT(SIGCONT) | SIG_STOPS)

// proc_lock held.
static int send(struct process *p, struct thread *th, int sig, const struct siginfo *info)
{
    if (sig < 0 || sig > NSIG)
        return -EINVAL;
    if (sig == 0 || p == init_process)
        return 0;
    if (unlikely(SIG_BIT(sig) & SIG_CONTROLS) && control(p, sig, info))
        return 0;
    int err = 0;
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    struct thread *taker = NULL;
    if (!p->exiting) {
        taker = th ? (takes(th, sig) ? th : NULL) : likely_taker(p, sig);
        err = queue(p, th ? &th->pending : &p->pending, taker, sig, info);
    }
    spin_unlock_irqrestore(&p->signal_lock, flags);
    if (!th && !taker)
        signal_offer(p, SIG_BIT(sig));
    return err;
}

int signal_process(struct process *p, int sig, const struct siginfo *info)
{
    return send(p, NULL, sig, info);
}

int signal_task(struct task *t, int sig, const struct siginfo *info)
{
    struct process *p = t->process;
    if (!p || !t->thread)
        return 0;
    mutex_lock(&proc_lock);
    int err = send(p, t->thread, sig, info);
    mutex_unlock(&proc_lock);
    return err;
}

int signal_group(u32 pgid, int sig, const struct siginfo *info)
{
    int err = -ESRCH;
    for (struct process *p = process_next(NULL); p; p = process_next(p))
        if (p->pgid == pgid && p != init_process)
            err = signal_process(p, sig, info);
    return err;
}

static void force(struct thread *th)
{
    th->forced = true;
    signal_note(th->task);
}

void signal_refused(int sig)
{
    const struct siginfo info = {.code = SI_USER, .rt.pid = current_process()->pid};
    signal_task(current_task(), sig, &info);
}

// Takes no lock. While the thread runs, only the thread itself changes its mask and `forced`. The
// action is looked up again when the signal is taken.
struct siginfo *signal_self(int sig)
{
    struct thread *th = current_thread();
    u64 handler = current_process()->action[sig - 1].handler;
    u64 not_now = th->blocked | th->pending.set;
    if (th->forced || (not_now & SIG_BIT(sig)) || handler == SIG_DFL || handler == SIG_IGN)
        return NULL;
    force(th);
    return &th->siginfo;
}

void signal_force(int sig, const struct siginfo *info)
{
    struct process *p = current_process();
    struct thread *th = current_thread();
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    struct sigaction *action = &p->action[sig - 1];
    if ((th->blocked & SIG_BIT(sig)) || action->handler == SIG_IGN) {
        action->handler = SIG_DFL;
        th->blocked &= ~SIG_BIT(sig);
    }
    if (action->handler == SIG_DFL)
        p->unkillable = false;
    if (th->pending.set & SIG_BIT(sig)) { // then the pending one is taken instead
        signal_note(th->task);
    } else {
        th->siginfo = *info;
        th->siginfo.signo = sig;
        force(th);
    }
    spin_unlock_irqrestore(&p->signal_lock, flags);
}

void signal_force_fault(int sig, int code, u64 addr)
{
    struct siginfo info = {.code = code, .fault.addr = addr};
    signal_force(sig, &info);
}
