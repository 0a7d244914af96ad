// Run queues, seen from inside sched.
#pragma once

#include "sched/sched.h"

struct runqueue {
    struct spinlock lock; // RANK_RUNQUEUE
    struct list queue;    // tasks that wait for this CPU, in turn
    u32 nr_queued;
    struct task *curr; // what runs here; the idle task when nothing does
    struct task *idle;
    struct task *prev; // is switched out: set on the old stack, used on the new one
    bool push;         // prev must go on at another CPU
    struct sched_stats stats;
} __aligned(64);

extern struct runqueue runqueues[MAX_CPUS];

// This CPU's; IRQs off.
static inline struct runqueue *this_rq(void)
{
    return THIS_CPU->rq;
}

// How many tasks wait and run here. It is read without the lock, so it may be one too old: good
// enough to choose a CPU.
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

// Link a task to a queue and unlink it. The caller holds the lock of `rq`, which is the queue of
// task.cpu.
//
// A task whose `queued` is true and that is linked nowhere is owed a place, by exactly one
// (docs/sched.md: the states, an example, the proof). Only this one changes task.cpu, under the
// lock of the queue that the task leaves. So whoever holds the lock of the queue of task.cpu finds
// the task linked there, or nowhere.
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

// Gives a task its place: `queued` is set, the task is linked nowhere and on no CPU. IRQs off.
void sched_activate(struct task *t);

// Adds the time since the last call to what runs on this CPU. IRQs off.
void sched_charge(struct runqueue *rq);

// Makes `cpu` look at its queue soon.
void sched_kick(u32 cpu);

// Moves a waiting task that may run here to this CPU, from the busiest CPU that has one and whose
// load is greater by 2 or more. IRQs off.
void sched_pull(void);

// This CPU takes tasks from now on.
static inline void sched_open(void)
{
    __atomic_fetch_or(&sched_online, BIT(cpu_id()), __ATOMIC_SEQ_CST);
}

// All tasks, from start to exit: lists by tid. And the task that has this tid, or NULL. RANK_TASKS.
#define TASK_LISTS (1u << 10)
extern struct list task_lists[TASK_LISTS];
extern struct spinlock tasks_lock;
struct list *tasks_of(u32 tid);
struct task *task_lookup(u32 tid);
extern u32 next_tid; // the next task gets this number, or the first after it that is free
// Gives a task that has not started the next number.
void task_renew_tid(struct task *t);

// The reaper is a thread that frees dead tasks. A task cannot free the stack on which it runs.
void task_reap(struct task *t);
void task_init(void);
void task_reaper_start(void);

// The first function of every task but the idle ones; `arg` is the task.
void sched_task_main(void *arg);
