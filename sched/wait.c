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
    list_for_each (w, &q->waiters, node)
        if (sched_wake(w->task) && !all)
            break;
    spin_unlock_irqrestore(&q->lock, flags);
}

void wake_all(struct wait_queue *q)
{
    wake(q, true);
}

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

// Unlocking hands the mutex to the first waiter, so that nobody can keep it by being quick.
void mutex_lock(struct mutex *m)
{
    struct task *self = current_task();
    struct waiter w = {.task = self};
    u64 flags = spin_lock_irqsave(&m->queue.lock);
    ASSERT(m->holder != self);
    if (!m->holder)
        m->holder = self;
    else
        list_add_tail(&w.node, &m->queue.waiters);
    while (m->holder != self) {
        self->state = TASK_WAITING;
        spin_unlock_irqrestore(&m->queue.lock, flags);
        schedule();
        flags = spin_lock_irqsave(&m->queue.lock);
    }
    spin_unlock_irqrestore(&m->queue.lock, flags);
}

void mutex_unlock(struct mutex *m)
{
    u64 flags = spin_lock_irqsave(&m->queue.lock);
    ASSERT(m->holder == current_task());
    m->holder = NULL;
    if (!list_empty(&m->queue.waiters)) {
        struct waiter *w = list_first(&m->queue.waiters, struct waiter, node);
        list_del(&w->node);
        m->holder = w->task;
        sched_wake(w->task);
    }
    spin_unlock_irqrestore(&m->queue.lock, flags);
}
