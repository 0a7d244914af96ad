// The table of processes: how they are made, found, linked and freed.
#include "linux/task/process.h"
#include "linux/task/signal_state.h"

#include "kernel/mm/heap.h"
#include "linux/mm/vm.h"
#include "linux/task/sigqueue.h"
#include "linux/task/upcalls.h"
#include "sched/runqueue.h"

struct mutex proc_lock;
struct process *init_process;
static struct tree processes; // by pid; proc_lock
// Threads of all processes. A process that has no thread left counts as one until it is reaped.
// proc_lock
static u64 nr_threads;

#define DEFAULT_UMASK 022

void processes_init(void)
{
    mutex_init(&proc_lock, "processes", RANK_PROC);
}

bool proc_read(const bool *flag)
{
    mutex_lock(&proc_lock);
    bool value = *flag;
    mutex_unlock(&proc_lock);
    return value;
}

struct process *process_new(void)
{
    struct process *p = kalloc(sizeof(*p));
    if (!p)
        return NULL;
    ref_init(&p->refs);
    list_init(&p->children);
    list_init(&p->sibling);
    list_init(&p->threads);
    list_init(&p->pending.queue);
    wait_init(&p->child_wait);
    spin_init(&p->signal_lock, "signal", RANK_SIGNAL);
    process_enter_root(p);
    rlimits_init(p->limits);
    p->umask = DEFAULT_UMASK;
    p->round = 1;
    p->exit_signal = SIGCHLD;
    p->start_ns = clock_ns();
    return p;
}

void process_get(struct process *p)
{
    ref_get(&p->refs);
}

void process_put(struct process *p)
{
    if (!p || !ref_put(&p->refs))
        return;
    ASSERT(list_empty(&p->threads) && list_empty(&p->children) && !p->mm && !p->fds);
    sigpending_free(&p->pending.queue);
    process_leave_cwd(p);
    kfree(p->cmdline);
    kfree(p);
}

int thread_attach(struct task *t, struct process *p)
{
    struct thread *th = kalloc(sizeof(*th));
    if (!th)
        return -ENOMEM;
    th->task = t;
    list_init(&th->node);
    list_init(&th->pending.queue);
    list_init(&th->tracees);
    t->arch.fpu = &th->fpu; // zeros, until execve or copy_thread() fills it
    t->thread = th;
    t->process = p;
    process_get(p);
    return 0;
}

static void change_tid(struct task *t, u32 tid)
{
    bool started = !list_empty(&t->tid_node);
    t->tid = tid;
    list_del(&t->tid_node);
    if (started)
        list_add_tail(&t->tid_node, tasks_of(tid));
}

void task_take_tid(struct task *self, u32 tid)
{
    u64 flags = spin_lock_irqsave(&tasks_lock);
    struct task *t = task_lookup(tid);
    if (t)
        change_tid(t, self->tid);
    change_tid(self, tid);
    spin_unlock_irqrestore(&tasks_lock, flags);
}

static void link_thread(struct task *t)
{
    struct thread *th = t->thread;
    struct process *p = t->process;
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    list_add_tail(&th->node, &p->threads);
    if (p->nr_threads++)
        nr_threads++;
    t->killed = p->exiting || p->exec_task;
    if (p->stopping || t->killed)
        signal_note(t);
    spin_unlock_irqrestore(&p->signal_lock, flags);
}

void thread_link(struct task *t)
{
    tid_settle(t);
    link_thread(t);
}

void process_link(struct process *p, struct process *parent, struct task *first)
{
    tid_settle(first);
    nr_threads++;
    p->pid = first->tid;
    strcopy(p->comm, first->comm, sizeof(p->comm));
    p->parent = parent;
    p->forker = current_task()->tid;
    if (p != parent) // init is its own parent
        list_add_tail(&p->sibling, &parent->children);
    tree_add(&processes, &p->pid_node, p->pid);
    link_thread(first);
}

bool process_no_more(const struct process *p)
{
    return nr_threads >= MIN(p->limits[RLIMIT_NPROC].soft, threads_max);
}

bool thread_leave(struct thread *th)
{
    struct process *p = th->task->process;
    list_del(&th->node);
    bool last = --p->nr_threads == 0;
    if (!last)
        nr_threads--;
    return last;
}

void process_reap(struct process *p)
{
    const struct usage own = process_usage(p);
    usage_add(&p->parent->reaped, &own);
    usage_add(&p->parent->reaped, &p->reaped);
    list_del(&p->sibling);
    tree_del(&processes, &p->pid_node);
    nr_threads--;
    process_put(p);
}

static struct process *process_at(struct tree_node *n)
{
    return tree_entry(n, struct process, pid_node);
}

struct process *process_lookup(u32 pid)
{
    return process_at(tree_find(&processes, pid));
}

struct process *process_from(u32 pid)
{
    return process_at(tree_from(&processes, pid));
}

struct process *process_find(u32 pid)
{
    mutex_lock(&proc_lock);
    struct process *p = process_lookup(pid);
    if (p)
        process_get(p);
    mutex_unlock(&proc_lock);
    return p;
}

struct process *process_of(u32 tid)
{
    struct process *p = process_find(tid);
    struct task *t = p ? NULL : task_find(tid);
    if (!t)
        return p;
    p = t->process;
    if (p)
        process_get(p);
    task_put(t);
    return p;
}

struct process *process_next(struct process *p)
{
    return process_at(p ? tree_next(&p->pid_node) : tree_first(&processes));
}

struct mm *process_mm(struct process *p)
{
    mutex_lock(&proc_lock);
    struct mm *mm = p->mm;
    if (mm)
        mm_get(mm);
    mutex_unlock(&proc_lock);
    return mm;
}

void process_each_mm(void (*fn)(struct mm *mm))
{
    for (u32 pid = 0;; pid++) {
        mutex_lock(&proc_lock);
        struct process *p = process_from(pid);
        struct mm *mm = p ? p->mm : NULL;
        if (mm)
            mm_get(mm);
        pid = p ? p->pid : 0;
        mutex_unlock(&proc_lock);
        if (mm) {
            fn(mm);
            mm_put(mm);
        }
        if (!pid)
            return;
    }
}

char task_state(const struct task *t)
{
    static const char letters[] = {
        [TASK_NEW] = 'R',      [TASK_RUNNABLE] = 'R', [TASK_SLEEPING] = 'S', [TASK_WAITING] = 'D',
        [TASK_KILLABLE] = 'D', [TASK_STOPPED] = 'T',  [TASK_TRACED] = 't',   [TASK_DEAD] = 'X',
    };
    return letters[t->state];
}

char process_state(struct process *p)
{
    if (p->zombie || list_empty(&p->threads))
        return p->zombie ? 'Z' : 'S';
    const struct task *first = list_first(&p->threads, struct thread, node)->task;
    return first->tid == p->pid ? task_state(first) : 'Z';
}

bool process_keeps_group(const struct process *parent, const struct process *p)
{
    return parent != init_process && parent->pgid != p->pgid && parent->sid == p->sid;
}

bool process_group_orphaned(u32 pgid)
{
    for (struct process *p = process_next(NULL); p; p = process_next(p))
        if (p->pgid == pgid && !p->zombie && process_keeps_group(p->parent, p))
            return false;
    return true;
}

struct task *process_forker(const struct process *p)
{
    const struct list *threads = &p->parent->threads;
    struct thread *th;
    list_for_each (th, threads, node)
        if (th->task->tid == p->forker)
            return th->task;
    return list_empty(threads) ? NULL : list_first(threads, struct thread, node)->task;
}

u64 task_runtime(const struct task *t)
{
    u64 ns = t->runtime_ns;
    return t->on_cpu ? ns + (clock_ns() - t->switched_in_ns) : ns;
}

u64 process_runtime(struct process *p)
{
    struct thread *th;
    u64 ns = p->gone.runtime_ns;
    list_for_each (th, &p->threads, node)
        ns += task_runtime(th->task);
    return ns;
}

void usage_add_mm(struct usage *to, const struct mm *mm)
{
    usage_add(to, &(struct usage){.minor_faults = mm->minor_faults, .peak_pages = mm->peak_pages});
}

void usage_add_task(struct usage *to, const struct task *t)
{
    usage_add(to, &(struct usage){.runtime_ns = task_runtime(t),
                                  .user_ticks = t->user_ticks,
                                  .system_ticks = t->system_ticks});
}

struct usage thread_usage(struct thread *th)
{
    struct usage u = {0};
    usage_add_task(&u, th->task);
    usage_split(&u, &th->told);
    return u;
}

struct usage process_usage(struct process *p)
{
    struct usage u = p->gone;
    struct thread *th;
    list_for_each (th, &p->threads, node)
        usage_add_task(&u, th->task);
    usage_split(&u, &p->told);
    if (p->mm)
        usage_add_mm(&u, p->mm);
    return u;
}
