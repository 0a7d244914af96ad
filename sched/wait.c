// Wait queues and the sleeping mutex.
#include "sched/wait.h"
#include "kernel/base/panic.h"

void wait_init(struct wait_queue *q)
{
    spin_init(&q->lock, "wait queue", RANK_WAITQ);
    list_init(&q->waiters);
}

void wait_prepare(struct wait_queue *q, struct waiter *w, enum task_state state)
{
    w->task = current_task();
    u64 flags = spin_lock_irqsave(&q->lock);
    if (!w->queued)
        list_add_tail(&w->node, &q->waiters);
    w->queued = true;
    // Before the caller tests its condition: a wake that comes after the test must find this state.
    __atomic_store_n(&w->task->state, state, __ATOMIC_SEQ_CST);
    spin_unlock_irqrestore(&q->lock, flags);
}

void wait_finish(struct wait_queue *q, struct waiter *w)
{
    u64 flags = spin_lock_irqsave(&q->lock);
    w->task->state = TASK_RUNNABLE;
    list_del(&w->node);
    w->queued = false;
    spin_unlock_irqrestore(&q->lock, flags);
}

static void wake(struct wait_queue *q, bool all)
{
    struct waiter *w;
    u64 flags = spin_lock_irqsave(&q->lock);
    list_for_each(w, &q->waiters, node)
    {
        sched_wake(w->task);
        if (!all)
            break;
    }
    spin_unlock_irqrestore(&q->lock, flags);
}

void wake_all(struct wait_queue *q)
{
    wake(q, true);
}

// The first stays linked until it runs, and whoever takes what it waited for wakes it again: none is forgotten.
void wake_one(struct wait_queue *q)
{
    wake(q, false);
}

// ---- mutex ----

void mutex_init(struct mutex *m)
{
    m->holder = NULL;
    wait_init(&m->queue);
}

static bool mutex_try(struct mutex *m)
{
    struct task *nobody = NULL;
    return __atomic_compare_exchange_n(&m->holder, &nobody, current_task(), false,
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

void mutex_lock(struct mutex *m)
{
    ASSERT(m->holder != current_task());
    if (!mutex_try(m))
        wait_event(&m->queue, mutex_try(m));
}

void mutex_unlock(struct mutex *m)
{
    ASSERT(m->holder == current_task());
    __atomic_store_n(&m->holder, NULL, __ATOMIC_SEQ_CST);
    wake_one(&m->queue);
}
