// Which thread traces which: how tracing begins, is inherited and ends, and what wait(2) sees of
// it.
#include "kernel/mm/heap.h"
#include "linux/ptrace/upcalls.h"
#include "linux/task/signal_state.h"
#include "linux/task/sigqueue.h"
#include "linux/fs/upcalls.h"
#include "linux/ptrace/tracee.h"

static struct tracee *new_tracee(struct task *t)
{
    struct tracee *tr = kalloc(sizeof(*tr));
    if (!tr)
        return NULL;
    task_get(t);
    tr->task = t;
    list_init(&tr->node);
    return tr;
}

void ptrace_free(struct tracee *tr)
{
    if (!tr)
        return;
    task_put(tr->task);
    kfree(tr);
}

// proc_lock and the tracee's signal_lock held, as for unlink().
static void link(struct tracee *tr, struct task *tracer)
{
    struct task *t = tr->task;
    struct thread *by = tracer->thread;
    tr->tracer = tracer;
    tr->leader = t->tid == t->process->pid;
    tracee_thread(tr)->tracee = tr;
    if (tr->leader)
        t->process->tracee = tr;
    list_add(&tr->node, &by->tracees);
}

static void unlink(struct tracee *tr)
{
    struct thread *th = tracee_thread(tr);
    list_del(&tr->node);
    th->tracee = NULL;
    // The next stop, or the step's own #DB, removes TF.
    __atomic_fetch_and(&th->trace, TRACE_TF | TRACE_PUSHES, __ATOMIC_RELAXED);
    if (tr->leader)
        th->task->process->tracee = NULL;
    if (th->task->process->stopping) // it takes part in the group stop again
        signal_kick(th->task);
}

// ---- beginning ----

s64 ptrace_traceme(void)
{
    struct process *p = current_process();
    struct thread *th = current_thread();
    struct tracee *tr = new_tracee(current_task());
    if (!tr)
        return -ENOMEM;
    mutex_lock(&proc_lock);
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    struct task *tracer = p->parent == init_process ? NULL : process_forker(p);
    int err = th->tracee || p->parent == init_process ? -EPERM : 0;
    bool linked = !err && tracer;
    if (linked)
        link(tr, tracer);
    spin_unlock_irqrestore(&p->signal_lock, flags);
    mutex_unlock(&proc_lock);
    if (!linked) // a parent that is ending traces nobody; that is no error
        ptrace_free(tr);
    return err;
}

// If the thread is stopped already, it traps instead. The thread that attaches waits for the trap.
static int attach(struct tracee *tr)
{
    struct task *t = tr->task;
    struct process *p = t->process;
    struct thread *th = t->thread;
    int err = 0;
    mutex_lock(&proc_lock);
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    if (th->tracee || list_empty(&th->node) || p->exiting) {
        err = -EPERM;
    } else {
        link(tr, current_task());
        if (thread_stopped(p, th)) {
            tr->trap = true;
            tr->attaching = t->state == TASK_STOPPED;
            signal_note(t);
            sched_wake_from(t, BIT(TASK_SLEEPING) | BIT(TASK_STOPPED));
        }
    }
    spin_unlock_irqrestore(&p->signal_lock, flags);
    mutex_unlock(&proc_lock);
    return err;
}

// True until the tracee's stop has become a traced stop. The tracee may have ended meanwhile, and
// may have been waited for.
static bool attaching(const struct task *t)
{
    struct process *p = t->process;
    const struct thread *th = t->thread;
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    const struct tracee *tr = th->tracee;
    bool still = tr && tr->tracer == current_task() && tr->attaching;
    spin_unlock_irqrestore(&p->signal_lock, flags);
    return still;
}

static s64 attach_task(struct task *t, bool seize, u64 addr, u64 options)
{
    if (seize && (addr || (options & ~PTRACE_O_KNOWN)))
        return -EIO;
    if (!t->process || t->process == init_process || t->process == current_process())
        return -EPERM;
    struct tracee *tr = new_tracee(t);
    if (!tr)
        return -ENOMEM;
    tr->seized = seize;
    tr->options = seize ? options : 0;
    int err = attach(tr);
    if (err) {
        ptrace_free(tr);
        return err;
    }
    if (!seize)
        signal_task(t, SIGSTOP, NULL);
    wait_event(&current_process()->child_wait, !attaching(t)); // it only has to run, and stop
    return 0;
}

s64 ptrace_attach(s32 tid, bool seize, u64 addr, u64 options)
{
    struct task *t = task_find(tid);
    if (t) {
        s64 result = attach_task(t, seize, addr, options);
        task_put(t);
        return result;
    }
    struct process *p = process_find(tid); // a zombie cannot be traced, but it exists
    process_put(p);
    return p ? -EPERM : -ESRCH;
}

int ptrace_fork(struct task *child, struct tracee **out)
{
    *out = NULL;
    if (!current_thread()->tracee)
        return 0;
    *out = new_tracee(child);
    return *out ? 0 : -ENOMEM;
}

bool ptrace_fork_link(struct tracee *tr, u32 event)
{
    const struct tracee *parent = current_thread()->tracee;
    if (!parent || !(parent->options & PTRACE_O_EVENT(event)))
        return false;
    struct thread *th = tracee_thread(tr);
    struct process *p = tr->task->process;
    tr->options = parent->options;
    tr->seized = parent->seized;
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    link(tr, parent->tracer);
    if (tr->seized)
        tr->trap = true;
    else
        sigpending_add(&th->pending, SIGSTOP, &(struct siginfo){.code = SI_USER}, RLIM_INFINITY);
    signal_note(tr->task);
    spin_unlock_irqrestore(&p->signal_lock, flags);
    return true;
}

// ---- ending ----

void ptrace_detach(struct tracee *tr, int sig)
{
    struct process *p = tr->task->process;
    struct thread *th = tracee_thread(tr);
    mutex_lock(&proc_lock);
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    th->resume_signal = sig;
    unlink(tr);
    ptrace_set_step(th, false);
    ptrace_wake(tr);
    spin_unlock_irqrestore(&p->signal_lock, flags);
    mutex_unlock(&proc_lock);
    ptrace_free(tr);
}

// Tells the parent of a tracee's end. So far only the tracer was told.
static void tell_end(struct tracee *tr, bool parent_traced)
{
    struct process *p = tr->task->process;
    if (!tr->leader || !p->zombie)
        return;
    if (parent_traced)
        process_reap_if_unwanted(p);
    else
        process_tell_end(p);
}

static bool traced_by_parent(const struct tracee *tr)
{
    return tr->tracer->process == tr->task->process->parent;
}

// The tracer ends, so its tracee goes on. A signal that the tracer has not looked at is delivered.
// proc_lock held.
static void let_go(struct tracee *tr)
{
    struct process *p = tr->task->process;
    struct thread *th = tracee_thread(tr);
    bool parent_traced = traced_by_parent(tr);
    if (tr->options & PTRACE_O_EXITKILL)
        signal_process(p, SIGKILL, NULL);
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    unlink(tr);
    if (tr->state != TRACE_RUNS) {
        bool delivery = tr->info && tr->info->code != (s32)tr->code; // not another kind of stop
        th->resume_signal = delivery ? (int)tr->report : 0;
        ptrace_set_step(th, false);
        ptrace_wake(tr);
    }
    spin_unlock_irqrestore(&p->signal_lock, flags);
    tell_end(tr, parent_traced);
}

void ptrace_exit(struct thread *th)
{
    struct list gone = LIST_INIT(gone);
    struct tracee *tr, *next;
    mutex_lock(&proc_lock);
    list_for_each_safe (tr, next, &th->tracees, node) {
        let_go(tr);
        list_add_tail(&tr->node, &gone);
    }
    mutex_unlock(&proc_lock);
    list_for_each_safe (tr, next, &gone, node)
        ptrace_free(tr);
}

static void tell_tracer(const struct tracee *tr, int status)
{
    int sig = status & 0x7f;
    ptrace_notify_tracer(tr, sig ? CLD_KILLED : CLD_EXITED, sig ? sig : status >> 8);
}

// The tracee has ended instead of stopping. proc_lock held.
static void stop_attaching(struct tracee *tr)
{
    struct process *p = tr->task->process;
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    tr->attaching = false;
    spin_unlock_irqrestore(&p->signal_lock, flags);
    wake_all(&tr->tracer->process->child_wait);
}

void ptrace_thread_ended(struct thread *th)
{
    struct tracee *tr = th->tracee;
    if (!tr)
        return;
    if (tr->attaching)
        stop_attaching(tr);
    if (tr->leader)
        return;
    tr->ended = true;
    tell_tracer(tr, th->exit_status);
}

bool ptrace_process_ended(struct process *p)
{
    const struct tracee *tr = p->tracee;
    if (!tr || traced_by_parent(tr))
        return false;
    tell_tracer(tr, p->exit_status);
    return true;
}

struct tracee *ptrace_become_leader(struct process *p)
{
    struct tracee *own = current_thread()->tracee, *old = p->tracee;
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    if (old)
        unlink(old);
    if (own)
        own->leader = true;
    p->tracee = own;
    spin_unlock_irqrestore(&p->signal_lock, flags);
    if (old)
        wake_all(&old->tracer->process->child_wait); // a wait for this tid alone would never end
    return old;
}

// ---- for wait and /proc ----

int ptrace_look(const struct thread *tracer, u32 tid, u32 pgid, bool ends, struct waited_tracee *w)
{
    struct tracee *tr;
    int result = -ECHILD;
    list_for_each (tr, &tracer->tracees, node) {
        struct process *p = tr->task->process;
        if ((tid && tr->task->tid != tid) || (pgid && p->pgid != pgid))
            continue;
        result = 0;
        bool ended = ends && (tr->leader ? p->zombie : tr->ended);
        // Stops are reported under proc_lock. It makes no difference if the tracee is being woken.
        u32 report = tr->state == TRACE_LISTENS ? 0 : tr->report;
        if (!ended && !report)
            continue;
        int status = tr->leader ? p->exit_status : tracee_thread(tr)->exit_status;
        *w = (struct waited_tracee){
            .tracee = tr,
            .process = p,
            .tid = tr->task->tid,
            .ended = ended,
            .status = ended ? status : (int)(report << 8 | 0x7f),
        };
        return 1;
    }
    return result;
}

void ptrace_reported(struct tracee *tr)
{
    tr->report = 0;
}

void ptrace_reap(struct tracee *tr)
{
    struct process *p = tr->task->process;
    bool own = traced_by_parent(tr);
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    unlink(tr);
    spin_unlock_irqrestore(&p->signal_lock, flags);
    if (!tr->leader)
        return;
    if (own)
        process_reap(p);
    else
        process_tell_end(p);
}

bool ptrace_traced_by(const struct process *p, const struct process *tracer)
{
    return p->tracee && p->tracee->tracer->process == tracer;
}

u32 ptrace_tracer_tid(const struct process *p, const struct thread *th)
{
    const struct tracee *tr = th ? th->tracee : p->tracee;
    return tr ? tr->tracer->tid : 0;
}
