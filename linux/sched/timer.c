// One-shot timers: each CPU has a sorted list, which its tick looks at. Sleeping until a time.
#include "arch/x86/platform.h"
#include "kernel/base/panic.h"
#include "kernel/base/errno.h"
#include "linux/sched/timer.h"

struct timer_list {
    struct spinlock lock; // RANK_TIMERS
    struct list timers;   // by time, earliest first
    struct timer *running;
    u64 now; // time of the tick under way; a timer is due once in each
};

static struct timer_list timer_lists[MAX_CPUS];

void timers_init(void)
{
    for (u32 cpu = 0; cpu < MAX_CPUS; cpu++) {
        spin_init(&timer_lists[cpu].lock, "timers", RANK_TIMERS);
        list_init(&timer_lists[cpu].timers);
    }
}

// The list's lock is held.
static void link_timer(struct timer_list *l, struct timer *t)
{
    struct timer *later;
    list_for_each (later, &l->timers, node)
        if (later->when > t->when)
            break;
    list_add_tail(&t->node, &later->node);
    t->cpu = l - timer_lists;
}

void timer_start(struct timer *t, u64 when, void (*fn)(struct timer *))
{
    u64 flags = irq_save();
    struct timer_list *l = &timer_lists[cpu_id()];
    spin_lock(&l->lock);
    ASSERT(!t->armed);
    t->when = l->running == t ? MAX(when, l->now + 1) : when; // not again in this tick
    t->fn = fn;
    link_timer(l, t);
    t->armed = true;
    spin_unlock(&l->lock);
    irq_restore(flags);
}

// Locks the list that the timer is in, or was in last. IRQs off.
static struct timer_list *lock_list_of(struct timer *t)
{
    for (;;) {
        struct timer_list *l = &timer_lists[__atomic_load_n(&t->cpu, __ATOMIC_RELAXED)];
        spin_lock(&l->lock);
        if (l == &timer_lists[t->cpu])
            return l;
        spin_unlock(&l->lock); // it moved: timers_leave()
    }
}

// Unlinks it if it is armed. True if it is not running either.
static bool disarm(struct timer *t)
{
    u64 flags = irq_save();
    struct timer_list *l = lock_list_of(t);
    if (t->armed) {
        list_del(&t->node);
        t->armed = false;
    }
    bool running = l->running == t;
    spin_unlock(&l->lock);
    irq_restore(flags);
    return !running;
}

void timer_stop(struct timer *t)
{
    while (!disarm(t)) // its function runs now, and may arm it again
        cpu_pause();
}

// The first timer that is due, unlinked and marked as running; NULL if none.
static struct timer *take_due(struct timer_list *l)
{
    struct timer *t = NULL;
    spin_lock(&l->lock);
    if (!list_empty(&l->timers) && list_first(&l->timers, struct timer, node)->when <= l->now) {
        t = list_first(&l->timers, struct timer, node);
        list_del(&t->node);
        t->armed = false;
    }
    l->running = t;
    spin_unlock(&l->lock);
    return t;
}

void timers_run(void)
{
    struct timer_list *l = &timer_lists[cpu_id()];
    struct timer *t;
    l->now = clock_ns();
    while ((t = take_due(l)))
        t->fn(t);
}

void timers_leave(void)
{
    struct timer_list *from = &timer_lists[cpu_id()], *to = &timer_lists[0];
    struct timer *t, *next;
    ASSERT(from != to && !from->running);
    spin_lock(&to->lock);
    spin_lock(&from->lock);
    list_for_each_safe (t, next, &from->timers, node) {
        list_del(&t->node);
        link_timer(to, t);
    }
    spin_unlock(&from->lock);
    spin_unlock(&to->lock);
}

// ---- sleeping ----

struct sleeper {
    struct timer timer;
    struct task *task;
    bool expired; // kept, because another CPU may read the clock a little differently
};

static void wake_sleeper(struct timer *t)
{
    struct sleeper *s = container_of(t, struct sleeper, timer);
    __atomic_store_n(&s->expired, true, __ATOMIC_RELEASE);
    sched_wake(s->task);
}

int sched_sleep_until(u64 when, bool interruptible)
{
    struct sleeper s = {.task = current_task()};
    int err = 0;
    if (clock_ns() >= when)
        return 0;
    timer_start(&s.timer, when, wake_sleeper);
    for (;;) {
        __atomic_store_n(&s.task->state, interruptible ? TASK_SLEEPING : TASK_WAITING,
                         __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&s.expired, __ATOMIC_ACQUIRE))
            break;
        if (interruptible && sched_interrupted()) {
            err = -EINTR;
            break;
        }
        schedule();
    }
    s.task->state = TASK_RUNNABLE;
    timer_stop(&s.timer);
    return err;
}
