// One-shot timers: a sorted list on each CPU, looked at by its tick. And sleeping until a time.
#include "arch/x86/platform.h"
#include "kernel/base/panic.h"
#include "sched/runqueue.h"
#include "sched/wait.h"

struct timer_list {
    struct spinlock lock; // RANK_TIMERS
    struct list timers;   // by time, earliest first
    struct timer *running;
};

static struct timer_list timer_lists[MAX_CPUS];

void timers_init_cpu(u32 cpu)
{
    spin_init(&timer_lists[cpu].lock, "timers", RANK_TIMERS);
    list_init(&timer_lists[cpu].timers);
}

void timer_start(struct timer *t, u64 when, void (*fn)(struct timer *))
{
    u64 flags = irq_save();
    struct timer_list *l = &timer_lists[cpu_id()];
    struct timer *later;
    t->when = when;
    t->fn = fn;
    t->cpu = cpu_id();
    spin_lock(&l->lock);
    list_for_each(later, &l->timers, node)
        if (later->when > when)
            break;
    list_add_tail(&t->node, &later->node);
    t->armed = true;
    spin_unlock(&l->lock);
    irq_restore(flags);
}

void timer_stop(struct timer *t)
{
    struct timer_list *l = &timer_lists[t->cpu];
    u64 flags = spin_lock_irqsave(&l->lock);
    if (t->armed) {
        list_del(&t->node);
        t->armed = false;
    }
    spin_unlock_irqrestore(&l->lock, flags);
    while (__atomic_load_n(&l->running, __ATOMIC_ACQUIRE) == t)
        cpu_pause();
}

// The first timer that is due, unlinked and marked as running; NULL if none.
static struct timer *take_due(struct timer_list *l, u64 now)
{
    struct timer *t = NULL;
    spin_lock(&l->lock);
    if (!list_empty(&l->timers) && list_first(&l->timers, struct timer, node)->when <= now) {
        t = list_first(&l->timers, struct timer, node);
        list_del(&t->node);
        t->armed = false;
    }
    __atomic_store_n(&l->running, t, __ATOMIC_RELEASE);
    spin_unlock(&l->lock);
    return t;
}

void timers_run(void)
{
    struct timer_list *l = &timer_lists[cpu_id()];
    struct timer *t;
    while ((t = take_due(l, clock_ns())))
        t->fn(t);
}

// ---- sleeping ----

struct sleeper {
    struct timer timer;
    struct task *task;
};

static void wake_sleeper(struct timer *t)
{
    sched_wake(container_of(t, struct sleeper, timer)->task);
}

int sched_sleep_until(u64 when, bool interruptible)
{
    struct sleeper s = {.task = current_task()};
    int err = 0;
    timer_start(&s.timer, when, wake_sleeper);
    for (;;) {
        __atomic_store_n(&s.task->state, interruptible ? TASK_SLEEPING : TASK_WAITING,
                         __ATOMIC_SEQ_CST);
        if (clock_ns() >= when)
            break;
        if (interruptible && s.task->signal_pending) {
            err = -EINTR;
            break;
        }
        schedule();
    }
    s.task->state = TASK_RUNNABLE;
    timer_stop(&s.timer);
    return err;
}
