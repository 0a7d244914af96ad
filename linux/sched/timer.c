// One-shot timers. Each CPU has its own, in order, and its tick looks at the first one. And
// sleeping until a time.
#include "arch/x86/platform.h"
#include "arch/x86/user/devices.h"
#include "kernel/base/errno.h"
#include "linux/sched/timer.h"

#define AT_ONCE 32 // timers that are run in one interrupt

struct timers {
    struct spinlock lock; // RANK_TIMERS
    struct tree by_time;  // of timer->node
    struct timer *running;
    u64 now; // time of the present tick; a timer is due at most once in a tick
};

static struct timers timers[MAX_CPUS];

void timers_init(void)
{
    for (u32 cpu = 0; cpu < MAX_CPUS; cpu++)
        spin_init(&timers[cpu].lock, "timers", RANK_TIMERS);
}

// The lock is held.
static void link_timer(struct timers *l, struct timer *t)
{
    tree_add(&l->by_time, &t->node, t->when);
    t->cpu = l - timers;
}

void timer_start(struct timer *t, u64 when, void (*fn)(struct timer *))
{
    u64 flags = irq_save();
    struct timers *l = &timers[cpu_id()];
    spin_lock(&l->lock);
    ASSERT(!t->armed);
    t->when = l->running == t ? MAX(when, l->now + 1) : when; // not again in this tick
    t->fn = fn;
    link_timer(l, t);
    t->armed = true;
    spin_unlock(&l->lock);
    irq_restore(flags);
}

// Locks the timers of the CPU to which the timer belongs, or belonged last. IRQs off.
static struct timers *lock_timers_of(struct timer *t)
{
    for (;;) {
        struct timers *l = &timers[__atomic_load_n(&t->cpu, __ATOMIC_RELAXED)];
        spin_lock(&l->lock);
        if (l == &timers[t->cpu])
            return l;
        spin_unlock(&l->lock); // it moved: timers_leave()
    }
}

// Unlinks the timer if it is armed. True if its function is not running either.
static bool disarm(struct timer *t)
{
    u64 flags = irq_save();
    struct timers *l = lock_timers_of(t);
    if (t->armed) {
        tree_del(&l->by_time, &t->node);
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

// Unlinks the first timer that is due, and marks it as running. NULL: none is due, or `enough` is
// true.
static struct timer *take_due(struct timers *l, bool enough)
{
    spin_lock(&l->lock);
    struct timer *t = tree_entry(tree_first(&l->by_time), struct timer, node);
    if (t && t->when <= l->now && !enough) {
        tree_del(&l->by_time, &t->node);
        t->armed = false;
    } else {
        t = NULL;
    }
    l->running = t;
    spin_unlock(&l->lock);
    return t;
}

void timers_run(void)
{
    struct timers *l = &timers[cpu_id()];
    struct timer *t;
    u32 n = 0;
    l->now = clock_ns();
    for (; (t = take_due(l, n == AT_ONCE)); n++)
        t->fn(t);
    if (n == AT_ONCE) // a program may have many: other interrupts come in between
        lapic_send_self(IPI_TIMERS);
}

void timers_leave(void)
{
    struct timers *from = &timers[cpu_id()], *to = &timers[0];
    struct timer *t;
    ASSERT(from != to && !from->running);
    spin_lock(&to->lock);
    spin_lock(&from->lock);
    while ((t = tree_entry(tree_take(&from->by_time), struct timer, node)))
        link_timer(to, t);
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
