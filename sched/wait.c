// Wait queues and the sleeping mutex.
#include "sched/wait.h"
#include "kernel/base/panic.h"

void wait_init(struct wait_queue *q)
{
    spin_init(&q->lock, "wait queue", RANK_WAITQ);
    list_init(&q->waiters);
}

// Links the running task and sets its state before the caller tests its condition. A wake that
// comes after the test must find this state.
static void wait_prepare(struct wait_queue *q, struct waiter *w, enum task_state state)
{
    u64 flags = spin_lock_irqsave(&q->lock);
    if (!w->task)
        list_add_tail(&w->node, &q->waiters);
    w->task = current_task();
    __atomic_store_n(&w->task->state, state, __ATOMIC_SEQ_CST);
    spin_unlock_irqrestore(&q->lock, flags);
}

int wait_step(struct wait_queue *q, struct waiter *w, enum task_state state)
{
    struct task *self = current_task();
    if (__atomic_load_n(&self->state, __ATOMIC_RELAXED) == TASK_RUNNABLE) // not prepared, or woken
        wait_prepare(q, w, state);
    else if (state == TASK_SLEEPING && sched_interrupted())
        return -EINTR;
    else
        schedule();
    return 0;
}

// Takes the lock even when the waiter is unlinked already. The queue and the waiter may be gone as
// soon as this returns, and a waker may use them for as long as it holds the lock.
void wait_finish(struct wait_queue *q, struct waiter *w)
{
    u64 flags = spin_lock_irqsave(&q->lock);
    w->task->state = TASK_RUNNABLE;
    list_del(&w->node);
    spin_unlock_irqrestore(&q->lock, flags);
}

void wake_waiters(struct wait_queue *q, bool all)
{
    struct waiter *w;
    u64 flags = spin_lock_irqsave(&q->lock);
    list_for_each (w, &q->waiters, node)
        if (sched_wake(w->task) && !all)
            break;
    spin_unlock_irqrestore(&q->lock, flags);
}

// ---- mutex ----

void mutex_init(struct mutex *m, const char *name, enum lock_rank rank)
{
    m->holder = 0;
    m->name = name;
    m->rank = rank;
    wait_init(&m->queue);
}

void mutex_check_take(const struct mutex *m)
{
    u32 held = current_task()->mutexes;
    spin_check_none_held(m->name);
    if (!m->rank || m->rank >= FIRST_SPIN_RANK)
        panic("mutex: %s has no rank", m->name ? m->name : "one without a name");
    if (held >> m->rank)
        panic("mutex: %s (rank %u) taken by a task that holds ranks %x", m->name, m->rank, held);
}

void mutex_note(const struct mutex *m, bool taken)
{
    struct task *self = current_task();
    ASSERT(!(self->mutexes & BIT(m->rank)) == taken);
    self->mutexes ^= BIT(m->rank);
}

// Unlocking hands the mutex to the first waiter, so that no task can keep it by being quick. A
// waiter sets bit 0 of `holder` under the queue's lock, and so makes the holder take this lock.
#define WAITED 1ull

static u64 holder_of(struct mutex *m)
{
    return __atomic_load_n(&m->holder, __ATOMIC_RELAXED) & ~WAITED;
}

void mutex_wait(struct mutex *m, u64 self)
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

void mutex_hand_over(struct mutex *m, u64 self)
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
