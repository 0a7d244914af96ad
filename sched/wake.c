// Making tasks runnable, and where they may run.
#include "arch/x86/platform.h"
#include "kernel/base/errno.h"
#include "kernel/base/panic.h"
#include "sched/runqueue.h"

static bool wake_from(struct task *t, u32 states)
{
    u64 flags = irq_save();
    struct runqueue *rq = rq_lock_task(t);
    bool asleep = BIT(t->state) & states;
    // A task that has not left its CPU since it set its state, or was preempted meanwhile, only
    // goes on.
    bool place = asleep && rq->curr != t && !t->queued;
    if (asleep)
        t->state = TASK_RUNNABLE;
    if (place)
        t->queued = true; // from here on it is ours to place
    spin_unlock(&rq->lock);
    if (place) {
        while (
            __atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE)) // its CPU is in the middle of the switch
            cpu_pause();
        sched_activate(t);
    }
    irq_restore(flags);
    return asleep;
}

bool sched_wake(struct task *t)
{
    return wake_from(t, BIT(TASK_SLEEPING) | BIT(TASK_WAITING));
}

bool sched_wake_interruptible(struct task *t)
{
    return wake_from(t, BIT(TASK_SLEEPING));
}

bool sched_wake_stopped(struct task *t)
{
    return wake_from(t, BIT(TASK_SLEEPING) | BIT(TASK_STOPPED));
}

bool sched_wake_traced(struct task *t)
{
    return wake_from(t, BIT(TASK_TRACED));
}

static bool inactive(struct task *t)
{
    u64 flags = irq_save();
    struct runqueue *rq = rq_lock_task(t);
    bool out = rq->curr != t && !t->queued && !__atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE);
    spin_unlock(&rq->lock);
    irq_restore(flags);
    return out;
}

void sched_wait_inactive(struct task *t)
{
    while (!inactive(t)) // it may still be queued: preempted on its way to sleep
        sched_yield();
}

void sched_start(struct task *t)
{
    wake_from(t, BIT(TASK_NEW));
}

// When all its CPUs are offline the task may run anywhere from now on, as on Linux.
static cpumask widen(struct task *t)
{
    struct runqueue *rq = rq_lock_task(t);
    if (!(t->affinity & cpus_online()))
        t->affinity = CPUMASK_ALL;
    cpumask allowed = t->affinity & cpus_online();
    spin_unlock(&rq->lock);
    return allowed;
}

u32 sched_choose_cpu(struct task *t)
{
    cpumask allowed = t->affinity & cpus_online();
    u32 last = t->last_cpu, best = MAX_CPUS;
    while (!allowed)
        allowed = widen(t);
    if (allowed == BIT(last))
        return last;
    bool storm = sched_storm();
    if (!storm && (allowed & BIT(last)) && rq_load(&runqueues[last]) == 0)
        return last;
    // Starting behind the last CPU spreads ties; in storm mode the next allowed one is taken
    // whatever its load.
    for (u32 i = 1; i <= nr_cpus; i++) {
        u32 cpu = (last + i) % nr_cpus;
        if (!(allowed & BIT(cpu)))
            continue;
        if (storm)
            return cpu;
        if (best == MAX_CPUS || rq_load(&runqueues[cpu]) < rq_load(&runqueues[best]))
            best = cpu;
    }
    return best;
}

// ---- affinity ----

// True when the task does not, and will not, run on a CPU outside its mask.
static bool settled(struct task *t)
{
    u64 flags = irq_save();
    struct runqueue *rq = rq_lock_task(t);
    bool outside = !(t->affinity & BIT(t->cpu));
    bool move = outside && !list_empty(&t->run_node) && !t->on_cpu;
    bool running = rq->curr == t, asleep = t->state != TASK_RUNNABLE && !t->queued && !running;
    u32 cpu = t->cpu;
    if (move)
        rq_unlink(rq, t);
    spin_unlock(&rq->lock);
    if (move)
        sched_activate(t);
    else if (outside && running)
        sched_kick(cpu);
    irq_restore(flags);
    return !outside || move || asleep;
}

int sched_set_affinity(struct task *t, cpumask mask)
{
    if (!(mask & cpus_online()))
        return -EINVAL;
    u64 flags = irq_save();
    struct runqueue *rq = rq_lock_task(t);
    t->affinity = mask;
    spin_unlock(&rq->lock);
    irq_restore(flags);
    while (!settled(t))
        sched_yield();
    return 0;
}

// ---- balancing ----

// The busiest CPU with at least `surplus` more load than this one and somebody waiting.
static struct runqueue *busiest(u32 surplus)
{
    struct runqueue *here = this_rq(), *best = NULL;
    u32 load = rq_load(here) + surplus;
    for (u32 i = 0; i < nr_cpus; i++) {
        struct runqueue *rq = &runqueues[i];
        if (rq == here || !rq->curr || !rq->nr_queued || rq_load(rq) < load)
            continue;
        best = rq;
        load = rq_load(rq) + 1;
    }
    return best;
}

bool sched_pull(u32 surplus)
{
    struct runqueue *from = busiest(surplus), *here = this_rq();
    struct task *t, *found = NULL;
    if (!from || !cpu_is_online(cpu_id()))
        return false;
    spin_lock(&from->lock);
    list_for_each (t, &from->queue, run_node) {
        if (!t->on_cpu && (t->affinity & BIT(cpu_id()))) {
            found = t;
            break;
        }
    }
    if (found) {
        rq_unlink(from, found);
        found->cpu = cpu_id();
    }
    spin_unlock(&from->lock);
    if (!found)
        return false;
    // On its way: `queued` keeps everybody else from placing it.
    spin_lock(&here->lock);
    rq_enqueue(here, found);
    spin_unlock(&here->lock);
    return true;
}
