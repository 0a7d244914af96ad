// The tick, and where an interrupt's end becomes a preemption.
#include "arch/x86/upcalls.h"
#include "kernel/base/panic.h"
#include "sched/runqueue.h"
#include "sched/upcalls.h"

#define BALANCE_TICKS 8 // each CPU looks for a longer queue than its own this often

static bool storm;

void sched_set_storm(bool on)
{
    __atomic_store_n(&storm, on, __ATOMIC_RELEASE);
}

bool sched_storm(void)
{
    return __atomic_load_n(&storm, __ATOMIC_ACQUIRE);
}

void sched_tick(struct trapframe *f)
{
    (void)f;
    struct runqueue *rq = this_rq();
    struct task *t = rq->curr;
    rq->stats.ticks++;
    sched_charge(rq);
    timers_run();
    perf_tick();
    if (rq->stats.ticks % BALANCE_TICKS == 0)
        sched_pull(2);
    if (t->slice)
        t->slice--;
    if (sched_storm())
        t->slice = 0;
    bool others_wait = __atomic_load_n(&rq->nr_queued, __ATOMIC_RELAXED);
    if ((t->slice == 0 || t == rq->idle) && (others_wait || sched_storm()))
        cpu_set_due(DUE_SWITCH);
}

void sched_irq_exit(struct trapframe *f)
{
    // In ring 0 only where interrupts were on: a switch must not come as a surprise to code that
    // turned them off.
    if (from_user(f) || (f->rflags & RFLAGS_IF))
        sched_preempt();
}

void preempt_due(void)
{
    if (preempt_count() == 0 && irqs_enabled()) {
        irq_disable();
        sched_preempt();
        irq_enable();
    }
}
