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
    // Pairs with wait_prepare(): a waiter that is not seen here sees the condition.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (list_empty(&q->waiters))
        return;
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
    m->holder = 0;
    wait_init(&m->queue);
}

// Unlocking hands the mutex to the first waiter, so that nobody can keep it by being quick. Who
// waits marks it under the queue's lock, so that its holder comes there, too.
#define WAITED 1ull

static bool change_holder(struct mutex *m, u64 from, u64 to)
{
    return __atomic_compare_exchange_n(&m->holder, &from, to, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_RELAXED);
}

static u64 holder_of(struct mutex *m)
{
    return __atomic_load_n(&m->holder, __ATOMIC_RELAXED) & ~WAITED;
}

static void wait_for_mutex(struct mutex *m, u64 self)
{
    struct waiter w = {.task = current_task()};
    u64 flags = spin_lock_irqsave(&m->queue.lock);
    ASSERT(holder_of(m) != self);
    if (__atomic_fetch_or(&m->holder, WAITED, __ATOMIC_SEQ_CST))
        list_add_tail(&w.node, &m->queue.waiters);
    else // it has just become free
        __atomic_store_n(&m->holder, self, __ATOMIC_SEQ_CST);
    while (holder_of(m) != self) {
        w.task->state = TASK_WAITING;
        spin_unlock_irqrestore(&m->queue.lock, flags);
        schedule();
        flags = spin_lock_irqsave(&m->queue.lock);
    }
    spin_unlock_irqrestore(&m->queue.lock, flags);
}

static void hand_over(struct mutex *m, u64 self)
{
    u64 flags = spin_lock_irqsave(&m->queue.lock);
    ASSERT(holder_of(m) == self && !list_empty(&m->queue.waiters));
    struct waiter *w = list_first(&m->queue.waiters, struct waiter, node);
    list_del(&w->node);
    u64 more = list_empty(&m->queue.waiters) ? 0 : WAITED;
    __atomic_store_n(&m->holder, (u64)w->task | more, __ATOMIC_SEQ_CST);
    sched_wake(w->task);
    spin_unlock_irqrestore(&m->queue.lock, flags);
}

void mutex_lock(struct mutex *m)
{
    u64 self = (u64)current_task();
    if (unlikely(!change_holder(m, 0, self)))
        wait_for_mutex(m, self);
}

void mutex_unlock(struct mutex *m)
{
    u64 self = (u64)current_task();
    if (unlikely(!change_holder(m, self, 0)))
        hand_over(m, self);
}
