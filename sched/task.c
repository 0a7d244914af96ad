// Tasks: making, finding, ending, freeing.
#include "kernel/base/string.h"
#include "kernel/mm/heap.h"
#include "sched/runqueue.h"
#include "sched/upcalls.h"
#include "sched/wait.h"

#define MIN_TID 2u // 1 is the init process

struct spinlock tasks_lock = SPINLOCK("tasks", RANK_TASKS);
struct list task_lists[TASK_LISTS];
u32 next_tid = MIN_TID; // the demonstration watches who writes it

static struct wait_queue exit_queue; // tasks that wait for some task's end
static struct list dead_tasks = LIST_INIT(dead_tasks);
static struct wait_queue reaper_queue; // its lock guards dead_tasks too

struct list *tasks_of(u32 tid)
{
    return &task_lists[tid % TASK_LISTS]; // tids follow each other, so all lists grow alike
}

void task_init(void)
{
    for (u32 i = 0; i < TASK_LISTS; i++)
        list_init(&task_lists[i]);
}

// ---- freeing ----

static struct task *next_dead(void)
{
    struct task *t = NULL;
    u64 flags = spin_lock_irqsave(&reaper_queue.lock);
    if (!list_empty(&dead_tasks)) {
        t = list_first(&dead_tasks, struct task, run_node);
        list_del(&t->run_node);
    }
    spin_unlock_irqrestore(&reaper_queue.lock, flags);
    return t;
}

static void free_dead_tasks(void)
{
    struct task *t;
    while ((t = next_dead()))
        task_put(t);
}

// ---- making ----

struct task *task_lookup(u32 tid)
{
    struct task *t;
    list_for_each (t, tasks_of(tid), tid_node)
        if (t->tid == tid)
            return t;
    return NULL;
}

static u32 tid_after(u32 tid)
{
    return tid == MAX_TID ? MIN_TID : tid + 1;
}

static inline __attribute__((always_inline)) u32 new_tid(void)
{
    u64 flags = spin_lock_irqsave(&tasks_lock);
    u32 tid = next_tid;
    while (task_lookup(tid))
        tid = tid_after(tid);
    next_tid = tid_after(tid);
    spin_unlock_irqrestore(&tasks_lock, flags);
    return tid;
}

struct task *task_new(const char *comm, void (*entry)(void *), void *arg, cpumask affinity)
{
    free_dead_tasks(); // now, because their memory may be needed before the reaper runs
    struct task *t = kalloc(sizeof(*t));
    if (!t)
        return NULL;
    t->arch.stack_top = kstack_alloc();
    if (!t->arch.stack_top) {
        kfree(t);
        return NULL;
    }
    t->tid = new_tid();
    strcopy(t->comm, comm, TASK_COMM_LEN);
    ref_init(&t->refs);
    list_init(&t->tid_node);
    list_init(&t->run_node);
    t->state = TASK_NEW;
    t->affinity = affinity;
    t->cpu = t->last_cpu = cpu_id();
    t->entry = entry;
    t->entry_arg = arg;
    context_prepare(&t->arch, sched_task_main, t);
    return t;
}

void task_renew_tid(struct task *t)
{
    t->tid = new_tid();
}

void task_start(struct task *t)
{
    task_get(t); // the scheduler's, until it is dead
    u64 flags = spin_lock_irqsave(&tasks_lock);
    list_add_tail(&t->tid_node, tasks_of(t->tid));
    spin_unlock_irqrestore(&tasks_lock, flags);
    sched_wake_from(t, BIT(TASK_NEW));
}

struct task *kthread_create(const char *comm, void (*fn)(void *), void *arg, cpumask affinity)
{
    struct task *t = task_new(comm, fn, arg, affinity);
    if (t)
        task_start(t);
    return t;
}

// ---- finding ----

void task_get(struct task *t)
{
    ref_get(&t->refs);
}

struct task *task_find(u32 tid)
{
    u64 flags = spin_lock_irqsave(&tasks_lock);
    struct task *t = task_lookup(tid);
    if (t)
        task_get(t);
    spin_unlock_irqrestore(&tasks_lock, flags);
    return t;
}

void task_for_each(void (*fn)(struct task *t, void *arg), void *arg)
{
    struct task *t;
    for (u32 i = 0; i < TASK_LISTS; i++) {
        if (list_empty(&task_lists[i]))
            continue;
        u64 flags = spin_lock_irqsave(&tasks_lock);
        list_for_each (t, &task_lists[i], tid_node)
            fn(t, arg);
        spin_unlock_irqrestore(&tasks_lock, flags);
    }
}

// ---- ending ----

void task_exit(void)
{
    struct task *t = current_task();
    task_exiting(t);
    u64 flags = spin_lock_irqsave(&tasks_lock);
    list_del(&t->tid_node);
    spin_unlock_irqrestore(&tasks_lock, flags);
    __atomic_store_n(&t->exited, true, __ATOMIC_SEQ_CST);
    wake_all(&exit_queue);
    t->state = TASK_DEAD;
    schedule();
    panic("a dead task runs");
}

void task_join(struct task *t)
{
    wait_event(&exit_queue, __atomic_load_n(&t->exited, __ATOMIC_SEQ_CST));
}

void task_put(struct task *t)
{
    if (!ref_put(&t->refs))
        return;
    ASSERT(t->state == TASK_DEAD || t->state == TASK_NEW);
    task_released(t);
    kstack_free(t->arch.stack_top);
    kfree(t);
}

// ---- the reaper ----

void task_reap(struct task *t)
{
    u64 flags = spin_lock_irqsave(&reaper_queue.lock);
    list_add_tail(&t->run_node, &dead_tasks);
    spin_unlock_irqrestore(&reaper_queue.lock, flags);
    wake_all(&reaper_queue);
}

static void reaper(void *)
{
    for (;;) {
        wait_event(&reaper_queue, !list_empty(&dead_tasks));
        free_dead_tasks();
    }
}

void task_reaper_start(void)
{
    wait_init(&exit_queue);
    wait_init(&reaper_queue);
    struct task *t = kthread_create("reaper", reaper, NULL, CPUMASK_ALL);
    if (!t)
        panic("no memory for the first kernel thread");
    task_put(t);
}
