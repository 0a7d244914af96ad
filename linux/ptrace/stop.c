// How tracees stop and go on. The tracee's side of every stop is here. So is the tracer's side of
// the end of a stop.
#include "linux/task/signal_state.h"
#include "linux/task/sigqueue.h"
#include "linux/task/upcalls.h"
#include "linux/ptrace/tracee.h"
#include "sched/runqueue.h"

// Code that sees the new state also sees all that was written before it.
static void set_state(struct tracee *tr, enum trace_state state)
{
    __atomic_store_n(&tr->state, state, __ATOMIC_RELEASE);
}

static bool change_state(struct tracee *tr, u32 from, enum trace_state to)
{
    return __atomic_compare_exchange_n(&tr->state, &from, to, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

// ---- the tracee ----

void ptrace_notify_tracer(const struct tracee *tr, int si_code, int status)
{
    struct process *to = tr->tracer->process;
    const struct sigaction *a = &to->action[SIGCHLD - 1];
    struct siginfo info = {.code = si_code, .chld = {.pid = tr->task->tid, .status = status}};
    bool stop = si_code == CLD_TRAPPED || si_code == CLD_STOPPED;
    if (!(stop && (a->handler == SIG_IGN || (a->flags & SA_NOCLDSTOP))))
        signal_process(to, SIGCHLD, &info);
    wake_all(&to->child_wait);
}

static bool dying(const struct task *t)
{
    const struct process *p = t->process;
    return p->exiting || (p->exec_task && p->exec_task != t);
}

enum stop_kind { STOP_SIGNAL, STOP_TRAP, STOP_SYSCALL, STOP_EVENT, STOP_HANDLER };

struct stop {
    enum stop_kind kind;
    u32 event; // PTRACE_EVENT_*, if it is an event
    u64 message;
    struct siginfo *info; // for a signal; for other stops choose() sets it
    // Set by choose():
    u32 code;
    int si_code; // of the SIGCHLD
    struct siginfo own;
};

// Sets what the tracer will see. False: the tracer has not asked for this stop. signal_lock is held
// from here until the thread has stopped. So nothing can change the choice in between.
static bool choose(struct stop *s, const struct tracee *tr, const struct process *p)
{
    u32 sig = SIGTRAP;
    s->si_code = CLD_TRAPPED;
    switch (s->kind) {
    case STOP_SIGNAL:
        s->code = (u32)s->info->signo;
        return true;
    case STOP_TRAP:
        s->si_code = CLD_STOPPED;
        if (!tr->seized || p->stopping)
            sig = (u32)p->stop_signal;
        s->code = tr->seized ? STOP_EVENT(sig, PTRACE_EVENT_STOP) : sig;
        if (!tr->seized)
            return true; // a group stop has no siginfo
        break;
    case STOP_SYSCALL:
        s->code = sig | (tr->options & PTRACE_O_TRACESYSGOOD ? STOP_SYSGOOD : 0);
        break;
    case STOP_EVENT:
        if (!(tr->options & PTRACE_O_EVENT(s->event)))
            return false;
        s->code = STOP_EVENT(sig, s->event);
        break;
    case STOP_HANDLER:
        s->code = sig;
        break;
    }
    s->own = (struct siginfo){.signo = (s32)sig, .code = (s32)s->code, .rt.pid = tr->task->tid};
    s->info = &s->own;
    return true;
}

// Stops the running thread until its tracer lets it go on, or the thread is killed. Then
// th->resume_signal is the signal that the tracer gave. False: the thread has not stopped. It is
// not traced, or is dying, or the tracer does not want this stop.
static bool stop(struct stop *s)
{
    struct task *t = current_task();
    struct thread *th = t->thread;
    struct process *p = t->process;
    bool last = s->kind == STOP_EVENT && s->event == PTRACE_EVENT_EXIT; // also when it is killed
    mutex_lock(&proc_lock);
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    struct tracee *tr = th->tracee;
    bool stops = tr && (last || !dying(t)) && choose(s, tr, p);
    th->resume_signal = 0;
    if (stops) {
        tr->trap = tr->attaching = false; // both ask for some stop: this is one
        if (s->info && s->info->code >> 8 == PTRACE_EVENT_STOP)
            tr->notify = false;
        tr->code = tr->report = s->code;
        tr->message = s->message;
        tr->info = s->info;
        t->state = TASK_TRACED;
        set_state(tr, TRACE_STOPPED);
    }
    spin_unlock_irqrestore(&p->signal_lock, flags);
    if (stops)
        ptrace_notify_tracer(tr, s->si_code, s->code & 0x7f);
    mutex_unlock(&proc_lock);
    if (stops)
        schedule();
    return stops;
}

static u32 tracer_or_parent(struct process *p, const struct thread *th)
{
    mutex_lock(&proc_lock);
    u32 tid = th->tracee ? th->tracee->tracer->tid : p->parent->pid;
    mutex_unlock(&proc_lock);
    return tid;
}

int ptrace_signal(struct siginfo *info)
{
    struct process *p = current_process();
    struct thread *th = current_thread();
    if (!stop(&(struct stop){.kind = STOP_SIGNAL, .info = info}))
        return dying(th->task) ? 0 : info->signo;
    int sig = th->resume_signal;
    if (!sig)
        return 0;
    if (sig != info->signo) // the tracer has chosen another signal
        *info = (struct siginfo){.signo = sig, .code = SI_USER, .rt.pid = tracer_or_parent(p, th)};
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    if (th->blocked & SIG_BIT(sig)) {
        sigpending_add(&th->pending, sig, info, rlimit_soft(RLIMIT_SIGPENDING));
        sig = 0;
    }
    spin_unlock_irqrestore(&p->signal_lock, flags);
    return sig;
}

void ptrace_trap(void)
{
    stop(&(struct stop){.kind = STOP_TRAP});
}

static void syscall_stop(u64 message)
{
    stop(&(struct stop){.kind = STOP_SYSCALL, .message = message});
    int sig = current_thread()->resume_signal;
    if (sig)
        signal_task(current_task(), sig, NULL);
}

bool ptrace_syscall_enter(struct trapframe *f)
{
    u32 trace = current_thread()->trace;
    if (trace & TRACE_TF)
        f->r11 &= ~RFLAGS_TF; // SYSCALL has put RFLAGS there
    if (!(trace & (TRACE_SYSCALLS | TRACE_EMULATE)))
        return false;
    syscall_stop(PTRACE_EVENTMSG_SYSCALL_ENTRY);
    return (trace & TRACE_EMULATE) || f->vector != VECTOR_SYSCALL || dying(current_task());
}

void ptrace_syscall_leave(struct trapframe *f)
{
    u32 trace = current_thread()->trace;
    if (trace & TRACE_EMULATE) // it has stopped at the beginning already
        return;
    if (trace & TRACE_STEP) // a step over SYSCALL: TF itself traps one instruction later
        signal_force_fault(SIGTRAP, TRAP_BRKPT, f->rip);
    else if (trace & TRACE_SYSCALLS)
        syscall_stop(PTRACE_EVENTMSG_SYSCALL_EXIT);
}

void ptrace_event(u32 event, u64 message)
{
    if (current_thread()->tracee)
        stop(&(struct stop){.kind = STOP_EVENT, .event = event, .message = message});
}

void ptrace_exec(u32 tid)
{
    struct process *p = current_process();
    struct thread *th = current_thread();
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    const struct tracee *tr = th->tracee;
    bool plain = tr && !tr->seized && !(tr->options & PTRACE_O_EVENT(PTRACE_EVENT_EXEC));
    if (plain) {
        sigpending_add(&th->pending, SIGTRAP, &(struct siginfo){.code = SI_USER, .rt.pid = p->pid},
                       RLIM_INFINITY);
        signal_note(th->task);
    }
    spin_unlock_irqrestore(&p->signal_lock, flags);
    if (!plain)
        ptrace_event(PTRACE_EVENT_EXEC, tid);
}

bool ptrace_handler_begin(void)
{
    struct thread *th = current_thread();
    bool stepping = th->trace & TRACE_STEP;
    if (stepping) // TF must not be in the saved flags
        ptrace_set_step(th, false);
    return stepping;
}

void ptrace_handler_entered(void)
{
    stop(&(struct stop){.kind = STOP_HANDLER});
}

// ---- for signals ----

bool ptrace_has_trap(const struct thread *th)
{
    return th->tracee && (th->tracee->trap || th->tracee->notify);
}

void ptrace_join_group_stop(struct thread *th)
{
    th->tracee->trap = true;
}

void ptrace_wake(struct tracee *tr)
{
    tr->off_cpu = false;
    tr->report = 0;
    tr->info = NULL;
    set_state(tr, TRACE_RUNS);
    sched_wake_from(tr->task, BIT(TASK_TRACED));
}

void ptrace_continued(struct thread *th)
{
    struct tracee *tr = th->tracee;
    if (!tr || !tr->seized)
        return;
    tr->notify = true;
    if (tr->state == TRACE_LISTENS)
        ptrace_wake(tr);
    signal_kick(th->task);
}

void ptrace_wake_dying(struct thread *th)
{
    struct tracee *tr = th->tracee;
    if (!tr || tr->state == TRACE_RUNS)
        return;
    // The tracer may be freezing the tracee at this moment.
    while (!change_state(tr, TRACE_FROZEN, TRACE_WANTED) && tr->state != TRACE_WANTED) {
        if (change_state(tr, TRACE_STOPPED, TRACE_RUNS) || tr->state == TRACE_LISTENS) {
            ptrace_wake(tr);
            return;
        }
    }
}

// ---- the tracer ----

// The running thread's tracee with this tid, or NULL. proc_lock held. Without the lock the tracee
// may be waited for and freed, unless it is frozen.
static struct tracee *find(s32 tid)
{
    struct tracee *tr;
    list_for_each (tr, &current_thread()->tracees, node)
        if ((s32)tr->task->tid == tid)
            return tr;
    return NULL;
}

// Whether a stopped task has left its CPU.
static bool inactive(struct task *t)
{
    u64 flags = irq_save();
    struct runqueue *rq = rq_lock_task(t);
    bool out = rq->curr != t && !t->queued && !__atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE);
    spin_unlock(&rq->lock);
    irq_restore(flags);
    return out;
}

// Waits until the tracee is off its CPU. Then all its registers are in memory. Nobody may wake the
// task meanwhile. The call comes once in a stop, so it is not inline.
static __attribute__((noinline)) void wait_inactive(struct tracee *tr)
{
    while (!inactive(tr->task)) // it may still be queued: preempted on its way to sleep
        schedule();
    tr->off_cpu = true;
}

struct tracee *ptrace_freeze(s32 tid)
{
    mutex_lock(&proc_lock);
    struct tracee *tr = find(tid);
    if (tr && !change_state(tr, TRACE_STOPPED, TRACE_FROZEN))
        tr = NULL;
    mutex_unlock(&proc_lock);
    if (tr && !tr->off_cpu)
        wait_inactive(tr);
    return tr;
}

void ptrace_unfreeze(struct tracee *tr)
{
    if (change_state(tr, TRACE_FROZEN, TRACE_STOPPED))
        return;
    struct process *p = tr->task->process;
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    ptrace_wake(tr); // somebody wanted to wake it while it was frozen
    spin_unlock_irqrestore(&p->signal_lock, flags);
}

void ptrace_resume(struct tracee *tr, int sig)
{
    struct process *p = tr->task->process;
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    tracee_thread(tr)->resume_signal = sig;
    ptrace_wake(tr);
    spin_unlock_irqrestore(&p->signal_lock, flags);
}

int ptrace_listen(struct tracee *tr)
{
    struct process *p = tr->task->process;
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    bool ok = tr->seized && tr->info && tr->info->code >> 8 == PTRACE_EVENT_STOP;
    if (tr->state == TRACE_WANTED || (ok && tr->notify))
        ptrace_wake(tr);
    else
        set_state(tr, ok ? TRACE_LISTENS : TRACE_STOPPED);
    spin_unlock_irqrestore(&p->signal_lock, flags);
    return ok ? 0 : -EIO;
}

static int interrupt(struct tracee *tr)
{
    struct process *p = tr->task->process;
    if (!tr->seized)
        return -EIO;
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    tr->trap = true;
    if (tr->state == TRACE_LISTENS)
        ptrace_wake(tr);
    signal_kick(tr->task);
    spin_unlock_irqrestore(&p->signal_lock, flags);
    return 0;
}

int ptrace_interrupt(s32 tid)
{
    mutex_lock(&proc_lock);
    struct tracee *tr = find(tid);
    int err = tr ? interrupt(tr) : -ESRCH;
    mutex_unlock(&proc_lock);
    return err;
}

int ptrace_kill(s32 tid)
{
    mutex_lock(&proc_lock);
    struct tracee *tr = find(tid);
    if (tr)
        signal_process(tr->task->process, SIGKILL, NULL);
    mutex_unlock(&proc_lock);
    return tr ? 0 : -ESRCH;
}
