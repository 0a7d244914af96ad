// Run queues, seen from inside sched.
#pragma once

#include "sched/sched.h"

struct runqueue {
    struct spinlock lock; // RANK_RUNQUEUE
    struct list queue;    // tasks that wait for this CPU, in turn
    u32 nr_queued;
    struct task *curr; // what runs here; the idle task when nothing does
    struct task *idle;
    struct task *prev; // being switched out: set before, used after the stacks are exchanged
    bool push;         // prev must go on at another CPU
    struct sched_stats stats;
} __aligned(64);

extern struct runqueue runqueues[MAX_CPUS];

// This CPU's; IRQs off.
static inline struct runqueue *this_rq(void)
{
    return THIS_CPU->rq;
}

// Tasks waiting and running; read without the lock, for choices that may be a little wrong.
static inline u32 rq_load(const struct runqueue *rq)
{
    return __atomic_load_n(&rq->nr_queued, __ATOMIC_RELAXED) + (rq->curr != rq->idle);
}

// Locks the run queue that the task belongs to at this moment. IRQs off.
static inline struct runqueue *rq_lock_task(struct task *t)
{
    for (;;) {
        u32 cpu = __atomic_load_n(&t->cpu, __ATOMIC_RELAXED);
        spin_lock(&runqueues[cpu].lock);
        if (likely(t->cpu == cpu))
            return &runqueues[cpu];
        spin_unlock(&runqueues[cpu].lock);
    }
}

// Links and unlinks; the lock of `rq`, which is that of task.cpu, is held. task.queued outlives an
// unlink while the task is on its way to another queue: whoever set it, or unlinked the task, owes
// it a place. Only he changes task.cpu meanwhile, under the lock of the queue it leaves, before he
// links it: so who holds the lock of task.cpu sees it linked there or nowhere.
static inline void rq_enqueue(struct runqueue *rq, struct task *t)
{
    ASSERT(list_empty(&t->run_node));
    list_add_tail(&t->run_node, &rq->queue);
    t->queued = true;
    rq->nr_queued++;
}

static inline void rq_unlink(struct runqueue *rq, struct task *t)
{
    list_del(&t->run_node);
    rq->nr_queued--;
}

// Pays that debt: a task with `queued` set that is linked nowhere and on no CPU gets a place. IRQs
// off.
void sched_activate(struct task *t);

// Adds the time since the last call to what runs on this CPU. IRQs off.
void sched_charge(struct runqueue *rq);

// Makes `cpu` look at its queue soon.
void sched_kick(u32 cpu);

// Takes a waiting task from a busier CPU (at least `surplus` more load than here) to this one. True
// if one came. IRQs off.
bool sched_pull(u32 surplus);

// Brings this CPU, which is to go offline and runs its idle task, to rest until it is wanted again
// (sched/hotplug.c). IRQs off, also meanwhile but for those that wake it.
void hotplug_park(void);
// This CPU takes tasks from now on.
void hotplug_open(void);
void hotplug_init(void);

// Runs the timers of this CPU that are due. IRQs off.
void timers_run(void);
// Gives all timers of this CPU to CPU 0. Not from a timer's function. IRQs off.
void timers_leave(void);
void timers_init_cpu(u32 cpu);

// The reaper frees dead tasks, where it may sleep: they cannot free the stack they die on.
void task_reap(struct task *t);
void task_reaper_start(void);

// The first function of every task but the idle ones; `arg` is the task.
void sched_task_main(void *arg);
// TASK_NEW becomes runnable.
void sched_start(struct task *t);
// Storm mode (sched_set_storm).
bool sched_storm(void);
