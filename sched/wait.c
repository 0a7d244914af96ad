// Wait queues and the sleeping mutex.
#include "sched/wait.h"

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
    else if ((state == TASK_SLEEPING && sched_interrupted()) ||
             (state == TASK_KILLABLE && sched_killed()))
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

#define WAKE_BATCH 32 // as many waiters are looked at in one go, with IRQs off

struct list *wake_part(const struct list *at, const struct list *end)
{
    for (u32 n = 0; at->next != end; n++) {
        const struct waiter *w = list_first(at, struct waiter, node);
        if (n == WAKE_BATCH)
            return w->node.prev;
        if (w->task)
            sched_wake(w->task);
        at = at->next;
    }
    return NULL;
}

// Goes on after a batch. Others may change the queue between two batches. So this call has two
// waiters of its own in it, without a task: one where it goes on, one where the queue ends now.
static u64 wake_rest(struct wait_queue *q, struct list *last, u64 flags)
{
    struct waiter at = {.task = NULL}, end = {.task = NULL};
    list_add_tail(&end.node, &q->waiters);
    list_add(&at.node, last);
    while (last) {
        spin_unlock_irqrestore(&q->lock, flags);
        flags = spin_lock_irqsave(&q->lock);
        last = wake_part(&at.node, &end.node);
        list_del(&at.node);
        if (last)
            list_add(&at.node, last);
    }
    list_del(&end.node);
    return flags;
}

void wake_waiters(struct wait_queue *q)
{
    u64 flags = spin_lock_irqsave(&q->lock);
    struct list *last = wake_part(&q->waiters, &q->waiters);
    if (unlikely(last))
        flags = wake_rest(q, last, flags);
    spin_unlock_irqrestore(&q->lock, flags);
}

// ---- mutex ----

void mutex_init(struct mutex *m, const char *name, enum lock_rank rank)
{
    *m = (struct mutex){.name = name, .rank = rank};
    wait_init(&m->queue);
}

// The slow paths run under the queue's lock, after MUTEX_WAITED is set. This bit closes the quick
// paths of all other tasks but one: a task that shares the mutex may give its share back.
struct mutex_waiter {
    struct list node;
    struct task *task;
    bool passed_over; // woken, and another was quicker
};

static struct mutex_waiter *first_waiter(struct mutex *m)
{
    if (list_empty(&m->queue.waiters))
        return NULL;
    return list_first(&m->queue.waiters, struct mutex_waiter, node);
}

static bool try_take(struct mutex *m, const struct mutex_waiter *w, u64 mark)
{
    const struct mutex_waiter *first = first_waiter(m);
    bool behind = first && first != w;
    u64 seen;
    do {
        seen = __atomic_load_n(&m->holder, __ATOMIC_RELAXED);
        bool is_free = seen == MUTEX_WAITED;
        if (behind && (first->passed_over || !is_free)) // else those who share it might never end
            return false;
        if (!is_free && (mark != MUTEX_SHARE || (s64)seen < 0))
            return false;
    } while (!mutex_add(m, seen, mark));
    return true;
}

int mutex_wait(struct mutex *m, u64 mark, enum task_state state)
{
    struct mutex_waiter w = {.task = current_task()};
    int err = 0;
    u64 flags = spin_lock_irqsave(&m->queue.lock);
    ASSERT((m->holder & ~MUTEX_WAITED) != (u64)w.task);
    __atomic_fetch_or(&m->holder, MUTEX_WAITED, __ATOMIC_SEQ_CST);
    list_init(&w.node);
    while (!try_take(m, &w, mark)) {
        w.passed_over = !list_empty(&w.node);
        if (!w.passed_over)
            list_add_tail(&w.node, &m->queue.waiters);
        __atomic_store_n(&w.task->state, state, __ATOMIC_SEQ_CST);
        if (state == TASK_KILLABLE && sched_killed()) { // a kill that comes later finds the state
            w.task->state = TASK_RUNNABLE;
            err = -EINTR;
            break;
        }
        spin_unlock_irqrestore(&m->queue.lock, flags);
        schedule();
        flags = spin_lock_irqsave(&m->queue.lock);
    }
    list_del(&w.node);
    if (!first_waiter(m))
        __atomic_fetch_and(&m->holder, ~MUTEX_WAITED, __ATOMIC_SEQ_CST);
    else if (mark == MUTEX_SHARE) // the next may want to share it, too
        sched_wake(first_waiter(m)->task);
    spin_unlock_irqrestore(&m->queue.lock, flags);
    return err;
}

void mutex_wake(struct mutex *m)
{
    u64 flags = spin_lock_irqsave(&m->queue.lock);
    if (first_waiter(m))
        sched_wake(first_waiter(m)->task);
    spin_unlock_irqrestore(&m->queue.lock, flags);
}
