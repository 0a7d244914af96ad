// How threads and processes end. The order matters. The breakpoints leave their registers before
// the address space that they watch goes. The parent is told of the end when the process holds
// nothing any more.
#include "arch/x86/uaccess.h"
#include "kernel/mm/heap.h"
#include "linux/fs/file.h"
#include "linux/mm/vm.h"
#include "linux/proc/futex.h"
#include "linux/proc/life.h"
#include "linux/proc/signals.h"
#include "linux/ptrace/upcalls.h"
#include "linux/task/sigqueue.h"
#include "linux/proc/syscalls.h"
#include "linux/ptrace/abi.h"
#include "linux/ptrace/ptrace.h"
#include "linux/perf/perf.h"
#include "sched/upcalls.h"

void thread_exit(int wait_status)
{
    current_thread()->exit_status = wait_status;
    ptrace_event(PTRACE_EVENT_EXIT, (u32)wait_status);
    task_exit();
}

void process_exit(int wait_status)
{
    struct process *p = current_process();
    bool others = p->nr_threads > 1; // if there are no others, nobody can make one
    if (others)
        mutex_lock(&proc_lock);
    signal_kill_process(p, wait_status);
    if (others)
        mutex_unlock(&proc_lock);
    thread_exit(wait_status);
}

s64 sys_exit(int status)
{
    thread_exit(WAIT_EXITED(status));
}

s64 sys_exit_group(int status)
{
    process_exit(WAIT_EXITED(status));
}

void vfork_release(struct thread *th)
{
    if (!th->vfork) // no lock: nobody sets it later
        return;
    mutex_lock(&proc_lock);
    struct vfork *v = th->vfork;
    th->vfork = NULL;
    if (v) { // *v ends when the waiter sees `done`. It reads `done` under this lock
        v->done = true;
        wake_all(&v->queue);
    }
    mutex_unlock(&proc_lock);
}

void thread_leaves_words(struct task *t)
{
    const struct thread *th = t->thread;
    const u32 zero = 0;
    futex_owner_dies(th->robust_list);
    if (!th->clear_child_tid || (t->process->nr_threads == 1 && !mm_is_shared(t->mm)))
        return; // nobody would see it
    if (!put_user(zero, th->clear_child_tid))
        futex_wake(t->mm, th->clear_child_tid, 1);
}

static void leave_memory(struct task *t, struct thread *th)
{
    if (!t->mm)
        return;
    thread_leaves_words(t);
    u64 flags = irq_save();
    t->mm = NULL;
    mm_activate(NULL);
    irq_restore(flags);
    vfork_release(th);
}

// The thread ends. Children that it made, and that have asked for it, get their death signal.
// proc_lock held.
static void tell_children(const struct task *t, const struct process *p)
{
    const struct siginfo info = {.code = SI_USER, .rt.pid = p->pid};
    struct process *child;
    list_for_each (child, &p->children, sibling)
        if (child->forker == t->tid && child->death_signal)
            signal_process(child, child->death_signal, &info);
}

// Takes the thread out of its process. True if it was the last one.
static bool thread_unlink(struct task *t, struct thread *th, struct process *p)
{
    mutex_lock(&proc_lock);
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    usage_add_task(&p->gone, t);
    bool last = thread_leave(th);
    if (thread_stopped(p, th))
        p->nr_stopped--;
    if (last && !p->exiting) {
        p->exiting = true;
        p->exit_status = th->exit_status;
    }
    if (p->exec_task && p->nr_threads == 1)
        sched_wake(p->exec_task);
    spin_unlock_irqrestore(&p->signal_lock, flags);
    if (unlikely(p->pending.set)) // this thread may have been woken for these signals
        signal_offer(p, p->pending.set);
    ptrace_thread_ended(th);
    tell_children(t, p);
    mutex_unlock(&proc_lock);
    return last;
}

static void release_resources(struct process *p)
{
    itimers_stop(p);
    mutex_lock(&proc_lock);
    struct mm *mm = p->mm;
    struct fd_table *fds = p->fds;
    p->mm = NULL;
    p->fds = NULL;
    if (mm)
        usage_add_mm(&p->gone, mm);
    mutex_unlock(&proc_lock);
    fds_put(fds);
    mm_put(mm);
}

// True if nobody will ask for p's status.
static bool vanishes(const struct process *p)
{
    const struct sigaction *a = &p->parent->action[SIGCHLD - 1];
    if (p->tracee)
        return false;
    if (p->parent == init_process)
        return !p->keep_zombie;
    return p->exit_signal == SIGCHLD && (a->handler == SIG_IGN || (a->flags & SA_NOCLDWAIT));
}

void process_reap_if_unwanted(struct process *p)
{
    if (vanishes(p))
        process_reap(p);
}

void process_tell_end(struct process *p)
{
    int status = p->exit_status, sig = status & 0x7f;
    signal_notify_parent(p, p->exit_signal, sig ? CLD_KILLED : CLD_EXITED, sig ? sig : status >> 8);
    process_reap_if_unwanted(p);
}

// p's group has lost this parent. If no other parent can continue the group now, its stopped
// members must go on.
static void leave_group(const struct process *parent, const struct process *p)
{
    bool stopped = false;
    if (!process_keeps_group(parent, p) || !process_group_orphaned(p->pgid))
        return;
    for (struct process *q = process_next(NULL); q; q = process_next(q))
        stopped |= q->pgid == p->pgid && q->stopping;
    if (!stopped)
        return;
    signal_group(p->pgid, SIGHUP, NULL);
    signal_group(p->pgid, SIGCONT, NULL);
}

static void give_children_to_init(struct process *p)
{
    struct process *child, *next;
    list_for_each_safe (child, next, &p->children, sibling) {
        list_del(&child->sibling);
        list_add_tail(&child->sibling, &init_process->children);
        child->parent = init_process;
        child->exit_signal = SIGCHLD;
        leave_group(p, child);
        if (child->zombie)
            process_reap_if_unwanted(child);
    }
}

static void become_zombie(struct process *p)
{
    mutex_lock(&proc_lock);
    p->zombie = true;
    give_children_to_init(p);
    leave_group(p->parent, p);
    if (!ptrace_process_ended(p))
        process_tell_end(p);
    mutex_unlock(&proc_lock);
}

void task_exiting(struct task *t)
{
    struct process *p = t->process;
    if (p)
        ptrace_flush();
    perf_exit_task(t);
    if (!p)
        return;
    if (p == init_process)
        panic("init: the init process ended");
    leave_memory(t, t->thread);
    bool last = thread_unlink(t, t->thread, p);
    ptrace_exit(t->thread);
    if (!last)
        return;
    release_resources(p);
    become_zombie(p);
}

void task_released(struct task *t)
{
    struct thread *th = t->thread;
    perf_task_free(t);
    if (!th)
        return;
    sigpending_free(&th->pending.queue);
    process_put(t->process);
    kfree(th);
}
