// Wait queues and the sleeping mutex.
#pragma once

#include "kernel/base/errno.h"
#include "sched/sched.h"

struct wait_queue {
    struct spinlock lock; // RANK_WAITQ
    struct list waiters;
};

struct waiter {
    struct list node;
    struct task *task; // NULL: not queued
};

void wait_init(struct wait_queue *q);
// Wakes all. Any context but NMI and #DB. Of many waiters only some are woken with
// IRQs off at a time, if they are on in the caller. So where many may wait, the queue stays alive
// until the call returns, and an interrupt uses wake_part().
void wake_waiters(struct wait_queue *q);
// Wakes waiters after `at` and before `end`. NULL: that is done. Else the last one of a batch,
// after which there are others. The queue's lock is held.
struct list *wake_part(const struct list *at, const struct list *end);

// An empty queue costs no lock. The caller has changed the condition before. The fence here and
// the one in wait_step() make sure that either the caller finds the waiter in the queue, or the
// waiter finds the condition changed.
static inline bool wait_queue_used(const struct wait_queue *q)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return !list_empty(&q->waiters);
}

static inline void wake_all(struct wait_queue *q)
{
    if (wait_queue_used(q))
        wake_waiters(q);
}

// One step of waiting, taken when the condition is not true. The first step puts the running task
// into the queue and sets its state: from then on no wake is lost, and the condition must be
// tested again. The following steps sleep. 0, or -EINTR: the task would sleep in
// TASK_SLEEPING and has a signal, or in TASK_KILLABLE and is to end.
int wait_step(struct wait_queue *q, struct waiter *w, enum task_state state);
// Ends the waiting: the running task leaves the queue and is runnable.
void wait_finish(struct wait_queue *q, struct waiter *w);

// Sleeps until `cond` is true; it is evaluated again after each wake. 0, or -EINTR as above.
#define WAIT_EVENT(q, cond, state)                                                                 \
    ({                                                                                             \
        struct waiter __w;                                                                         \
        int __ret = 0;                                                                             \
        __w.task = NULL;                                                                           \
        while (!__ret && !(cond))                                                                  \
            __ret = wait_step((q), &__w, (state));                                                 \
        if (__w.task)                                                                              \
            wait_finish((q), &__w);                                                                \
        __ret;                                                                                     \
    })

#define wait_event_interruptible(q, cond) WAIT_EVENT(q, cond, TASK_SLEEPING)
#define wait_event_killable(q, cond)      WAIT_EVENT(q, cond, TASK_KILLABLE)
#define wait_event(q, cond)               (void)WAIT_EVENT(q, cond, TASK_WAITING)

// A lock whose waiters sleep. One task holds it alone, or several tasks share it
// (linux/base/mutex.h). Task context only. Its holder unlocks it, and must not lock it twice. The
// caller of unlock keeps the mutex alive until the call returns: another task may have locked and
// unlocked it by then. Its rank is in kernel/base/spinlock.h; debug builds check L1 and L2 for
// mutexes, too.
//
// A free mutex goes to the first task that comes, even if a waiter is just waking up. A waiter that
// wakes up in vain is the next: from then on newcomers wait behind it, so no task starves.
struct mutex {
    u64 holder; // 0: free; else a sum of MUTEX_*, or the holder's address (bit 63 is set). Atomic
    struct wait_queue queue;
    u8 rank;
    const char *name;
};

#define MUTEX_WAITED 1ull // tasks wait, so newcomers must use the slow path
#define MUTEX_SHARE  2ull // each task that shares it adds this

void mutex_init(struct mutex *m, const char *name, enum lock_rank rank);

#if __STDC_HOSTED__ // tests on the host bring locks of their own
void mutex_lock(struct mutex *m);
void mutex_unlock(struct mutex *m);
static inline bool mutex_is_mine(const struct mutex *)
{
    return true;
}
#else
// The slow parts (wait.c): to wait in `state` until `mark` can be added to holder, 0 or -EINTR; to
// wake a waiter.
int mutex_wait(struct mutex *m, u64 mark, enum task_state state);
void mutex_wake(struct mutex *m);
// What debug builds check and note (kernel/checks/locks.c).
void mutex_check_take(const struct mutex *m);
void mutex_note(const struct mutex *m, bool taken);

static inline bool mutex_add(struct mutex *m, u64 seen, u64 mark)
{
    return __atomic_compare_exchange_n(&m->holder, &seen, seen + mark, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_RELAXED);
}

static inline void mutex_lock(struct mutex *m)
{
    u64 self = (u64)current_task();
    CHECKED(mutex_check_take(m));
    if (unlikely(!mutex_add(m, 0, self)))
        mutex_wait(m, self, TASK_WAITING);
    CHECKED(mutex_note(m, true));
}

// The running task alone holds it.
static inline bool mutex_is_mine(const struct mutex *m)
{
    return (m->holder & ~MUTEX_WAITED) == (u64)current_task();
}

static inline void mutex_unlock(struct mutex *m)
{
    ASSERT(!DEBUG_BUILD || mutex_is_mine(m));
    CHECKED(mutex_note(m, false));
    // Only MUTEX_WAITED can be left. Not compared with it, because 0 needs no comparison.
    if (unlikely(__atomic_sub_fetch(&m->holder, (u64)current_task(), __ATOMIC_SEQ_CST)))
        mutex_wake(m);
}
#endif
