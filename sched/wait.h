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
    struct task *task;
    bool queued;
};

void wait_init(struct wait_queue *q);
// Links the running task and sets its state; then the caller tests its condition and calls
// schedule().
void wait_prepare(struct wait_queue *q, struct waiter *w, enum task_state state);
void wait_finish(struct wait_queue *q, struct waiter *w);
// Wakes all (or the first). Any context but NMI and #DB.
void wake_all(struct wait_queue *q);
void wake_one(struct wait_queue *q);

// Sleeps until cond is true; evaluated again after each wake. 0, or -EINTR on a signal.
#define wait_event_interruptible(q, cond)                                                          \
    ({                                                                                             \
        struct waiter __w = {0};                                                                   \
        int __ret = 0;                                                                             \
        for (;;) {                                                                                 \
            wait_prepare((q), &__w, TASK_SLEEPING);                                                \
            if (cond)                                                                              \
                break;                                                                             \
            if (current_task()->signal_pending) {                                                  \
                __ret = -EINTR;                                                                    \
                break;                                                                             \
            }                                                                                      \
            schedule();                                                                            \
        }                                                                                          \
        wait_finish((q), &__w);                                                                    \
        __ret;                                                                                     \
    })

#define wait_event(q, cond)                                                                        \
    do {                                                                                           \
        struct waiter __w = {0};                                                                   \
        for (;;) {                                                                                 \
            wait_prepare((q), &__w, TASK_WAITING);                                                 \
            if (cond)                                                                              \
                break;                                                                             \
            schedule();                                                                            \
        }                                                                                          \
        wait_finish((q), &__w);                                                                    \
    } while (0)

// A lock whose waiters sleep. Task context only; not recursive; unlocked by its holder.
struct mutex {
    u64 holder; // the task's address, bit 0: somebody waits; 0: free. atomic
    struct wait_queue queue;
};

void mutex_init(struct mutex *m);
void mutex_lock(struct mutex *m);
void mutex_unlock(struct mutex *m);

// One-shot timers, run from the tick of the CPU they were started on, IRQs off: resolution 1 / HZ.
struct timer {
    struct list node;
    u64 when; // clock_ns()
    u32 cpu;
    bool armed;
    void (*fn)(struct timer *t);
};
void timer_start(struct timer *t, u64 when, void (*fn)(struct timer *));
// Returns only when fn is not running and will not run.
void timer_stop(struct timer *t);
