// Making tasks runnable, and where they may run.
#include "kernel/base/errno.h"
#include "sched/trace.h"
#include "sched/runqueue.h"

// ---- a place in a queue ----

// The CPUs that the task may use now. If all CPUs of its mask are offline, it may run anywhere from
// now on, as on Linux. The lock of its queue is held.
static cpumask allowed_cpus(struct task *t)
{
    cpumask online = cpus_online(); // read once: CPUs may leave it at any time
    if (unlikely(!(t->affinity & online)))
        t->affinity = CPUMASK_ALL;
    return t->affinity & online;
}

// The CPU for a task: an idle one, else the least loaded one that it may use. The lock of its queue
// is held.
static u32 choose_cpu(struct task *t)
{
    cpumask allowed = allowed_cpus(t);
    u32 last = t->last_cpu, best = MAX_CPUS;
    if (allowed == BIT(last))
        return last;
    bool storm = sched_storm;
    if (!storm && (allowed & BIT(last)) && rq_load(&runqueues[last]) == 0)
        return last;
    // Starting after the last CPU spreads ties; in storm mode the next allowed one is taken
    // whatever its load.
    u32 cpu = last;
    do {
        if (++cpu == nr_cpus)
            cpu = 0;
        if (!(allowed & BIT(cpu)))
            continue;
        if (storm)
            return cpu;
        if (best == MAX_CPUS || rq_load(&runqueues[cpu]) < rq_load(&runqueues[best]))
            best = cpu;
    } while (cpu != last);
    return best;
}

// Links a task to which a place is owed. `rq` is its queue, locked; it is unlocked on return. Two
// queue locks are never held together, so a choice made under one lock is checked again under the
// other.
static void place(struct runqueue *rq, struct task *t)
{
    u32 cpu;
    ASSERT(!DEBUG_BUILD || (t->queued && !t->on_cpu));
    while ((cpu = choose_cpu(t)) != t->cpu) {
        t->cpu = cpu;
        spin_unlock(&rq->lock);
        rq = &runqueues[cpu];
        spin_lock(&rq->lock);
    }
    rq_enqueue(rq, t);
    bool idle = rq->curr == rq->idle;
    spin_unlock(&rq->lock);
    if (idle)
        sched_kick(cpu);
}

void sched_activate(struct task *t)
{
    place(rq_lock_task(t), t);
}

// ---- waking ----

bool sched_wake_from(struct task *t, u32 states)
{
    u64 flags = irq_save();
    struct runqueue *rq = rq_lock_task(t);
    u32 state = __atomic_load_n(&t->state, __ATOMIC_RELAXED);
    // A task sets its own state without the lock: it may have found what it waited for by itself,
    // gone on, and now stop for good or for its tracer. That state must stay.
    bool asleep = (BIT(state) & states) &&
                  __atomic_compare_exchange_n(&t->state, &state, TASK_RUNNABLE, false,
                                              __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
    // A task that has set its state but is still on its CPU, or in a queue, needs no place: it
    // just goes on.
    bool owed = asleep && rq->curr != t && !t->queued;
    if (owed) {
        t->queued = true; // from here on it is ours to place
        TRACE(TRACE_WAKE, .tid = t->tid, .a = t->cpu);
    }
    if (owed && !__atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE)) {
        place(rq, t);
    } else {
        spin_unlock(&rq->lock);
        if (owed) { // its CPU is in the middle of the switch
            while (__atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE))
                cpu_pause();
            sched_activate(t);
        }
    }
    irq_restore(flags);
    return asleep;
}

// ---- affinity ----

// True when the task does not, and will not, run on a CPU outside its mask.
static bool settled(struct task *t)
{
    u64 flags = irq_save();
    struct runqueue *rq = rq_lock_task(t);
    bool outside = !(t->affinity & BIT(t->cpu));
    bool linked = t->queued && !list_empty(&t->run_node); // a dead task's node is with the reaper
    bool running = rq->curr == t, asleep = !t->queued && !running;
    bool move = outside && linked && !t->on_cpu;
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
        schedule();
    return 0;
}

// ---- balancing ----

// The busiest CPU that is not in `tried`; this one, if it is as busy.
static struct runqueue *busiest(cpumask tried)
{
    struct runqueue *best = this_rq();
    for (u32 i = 0; i < nr_cpus; i++)
        if (!(tried & BIT(i)) && rq_load(&runqueues[i]) > rq_load(best))
            best = &runqueues[i];
    return best;
}

// Unlinks a task that may run here, or returns NULL. It is on its way: `queued` keeps all others
// from placing it.
static struct task *take_from(struct runqueue *from)
{
    struct task *t, *found = NULL;
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
    return found;
}

void sched_pull(void)
{
    struct runqueue *from, *here = this_rq();
    struct task *found = NULL;
    if (!cpu_is_online(cpu_id()))
        return;
    // The tasks of the busiest CPU may be bound to it.
    for (cpumask tried = 0; !found; tried |= BIT(from - runqueues)) {
        from = busiest(tried);
        if (rq_load(from) < rq_load(here) + 2)
            return;
        found = take_from(from);
    }
    spin_lock(&here->lock);
    rq_enqueue(here, found);
    spin_unlock(&here->lock);
}
