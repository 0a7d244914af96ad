// The switch: which task runs next, and how one task gives way to another. The tick.
#include "arch/x86/platform.h"
#include "arch/x86/smp.h"
#include "kernel/base/printk.h"
#include "kernel/base/string.h"
#include "sched/trace.h"
#include "sched/runqueue.h"
#include "sched/upcalls.h"

struct runqueue runqueues[MAX_CPUS];
static struct task idle_tasks[MAX_CPUS];
volatile bool sched_storm;
bool trace_on;
cpumask sched_online = BIT(0);

void sched_kick(u32 cpu)
{
    __atomic_fetch_or(&cpus[cpu].due, DUE_SWITCH, __ATOMIC_SEQ_CST);
    if (cpu != cpu_id())
        smp_reschedule(cpu);
}

// ---- the switch ----

// The end of a switch, on the new task's stack, IRQs off. From here the old task is out (S1).
static inline void finish_switch(void)
{
    struct runqueue *rq = this_rq();
    struct task *prev = rq->prev;
    bool push = rq->push, dead = prev->state == TASK_DEAD && !prev->queued; // not just preempted
    rq->push = false;
    perf_switch_in(prev, rq->curr);
    __atomic_store_n(&prev->on_cpu, false, __ATOMIC_RELEASE);
    if (dead)
        task_reap(prev);
    else if (push)
        sched_activate(prev);
}

void sched_charge(struct runqueue *rq)
{
    struct task *t = rq->curr;
    u64 now = clock_ns(), passed = now - t->switched_in_ns;
    t->switched_in_ns = now;
    t->runtime_ns += passed;
    if (t == rq->idle)
        rq->stats.idle_ns += passed;
}

static void account(struct runqueue *rq, struct task *prev, struct task *next)
{
    next->switched_in_ns = prev->switched_in_ns;
    if (next->last_cpu != cpu_id()) {
        next->nr_migrations += next->nr_switches > 0;
        rq->stats.migrations_in += next->nr_switches > 0;
        TRACE(TRACE_MIGRATE, .tid = next->tid, .a = next->last_cpu);
        next->last_cpu = cpu_id();
    }
    next->nr_switches++;
    next->slice = SLICE_TICKS;
    rq->stats.switches++;
    TRACE(TRACE_SWITCH, .tid = next->tid, .a = prev->tid, .b = *(const u64 *)next->comm);
}

// Picture: docs/pictures/switch.txt
//  time   on the stack of   what happens                                 debug registers
//   |
//   |     +-------------+
//   |     | prev        |   perf_switch_out: prev's events leave         an edit is open:
//   |     |             |   registers, FS, GS, page tables, SSE          nothing is written
//   |     +-------------+
//   |           |           context_switch: exchange RSP
//   |           v
//   |     +-------------+
//   |     | next        |   perf_switch_in: next's events enter
//   |     |             |   commit: DR7 off, new addresses, DR7          written, once
//   |     |             |   prev is free: another CPU may run it now
//   v     +-------------+
//
//  Interrupts are off all the way.  User memory is not touched between the two hooks.
static void switch_tasks(struct runqueue *rq, struct task *prev, struct task *next)
{
    account(rq, prev, next);
    rq->prev = prev;
    __atomic_store_n(&next->on_cpu, true, __ATOMIC_SEQ_CST);
    perf_switch_out(prev, next);
    context_leave(&prev->arch);
    if (next->mm != prev->mm)
        mm_activate(next->mm);
    this_cpu()->current = next;
    if (next->signal_pending) // S5
        cpu_set_due(DUE_RETURN);
    context_enter(&next->arch);
    context_switch(&prev->arch.rsp, next->arch.rsp);
    finish_switch();
}

static bool must_leave(struct task *t, bool online)
{
    return !online || !(t->affinity & BIT(cpu_id())) || (sched_storm && t->slice == 0);
}

// After a switch, or the decision against one: CPUs for which it has woken tasks hear of it. IRQs
// off.
static void allow_preemption(void)
{
    preempt_count_dec();
    if (kicks_due())
        smp_send_kicks();
}

// IRQs off, preempt_count 1. A preempted task stays runnable even if it has set its state to sleep
// already: it must test its condition again first, or a wake-up would be lost.
static void pick_and_switch(bool preempted)
{
    struct runqueue *rq = this_rq();
    struct task *prev = rq->curr, *next = rq->idle;
    cpu_clear_due(DUE_SWITCH);                   // first: a later change asks for a switch again
    bool online = cpus_online() & BIT(cpu_id()); // if not, the idle task sends the others away

    ASSERT(!DEBUG_BUILD || prev == current_task());
    sched_charge(rq);
    spin_lock(&rq->lock);
    if (prev != rq->idle && (preempted || prev->state == TASK_RUNNABLE)) {
        rq->push = must_leave(prev, online);
        prev->queued = true;
        if (!rq->push)
            rq_enqueue(rq, prev);
    }
    if (online && !list_empty(&rq->queue)) {
        next = list_first(&rq->queue, struct task, run_node);
        rq_unlink(rq, next);
        next->queued = false;
    }
    rq->curr = next;
    spin_unlock(&rq->lock);

    if (next != prev) {
        rq->stats.preemptions += preempted && prev != rq->idle;
        switch_tasks(rq, prev, next);
    } else {
        next->slice = SLICE_TICKS;
    }
}

void schedule(void)
{
    CHECKED(spin_check_none_held("schedule"));
    u64 flags = irq_save();
    preempt_count_inc();
    ASSERT(preempt_count() == 1 && this_cpu()->irq_depth == 0);
    pick_and_switch(false);
    allow_preemption();
    irq_restore(flags);
}

// Switches if a switch is due and allowed here. IRQs off.
void sched_irq_exit(void)
{
    while (need_resched() && preempt_count() == 0) {
        preempt_count_inc();
        pick_and_switch(true);
        allow_preemption();
    }
}

void preempt_due(void)
{
    if (preempt_count())
        return;
    u64 flags = irq_save();
    if (kicks_due())
        smp_send_kicks();
    if (flags & RFLAGS_IF)
        sched_irq_exit();
    irq_restore(flags);
}

void sched_task_main(void *arg)
{
    struct task *t = arg;
    finish_switch();
    allow_preemption();
    irq_enable();
    t->entry(t->entry_arg);
    task_exit();
}

// ---- the tick ----

void sched_tick(struct trapframe *f)
{
    struct runqueue *rq = this_rq();
    struct task *t = rq->curr;
    rq->stats.ticks++;
    sched_charge(rq);
    sched_ticked(f);
    perf_tick();
    sched_pull();
    if (t->slice)
        t->slice--;
    if (sched_storm)
        t->slice = 0;
    bool others_wait = __atomic_load_n(&rq->nr_queued, __ATOMIC_RELAXED);
    if (t->slice == 0 && (others_wait || sched_storm))
        cpu_set_due(DUE_SWITCH);
}

// ---- starting CPUs, idling ----

// A queue can take tasks before its CPU has started. The CPU finds them when it first idles.
static void init_runqueue(u32 cpu)
{
    struct runqueue *rq = &runqueues[cpu];
    struct task *idle = &idle_tasks[cpu];
    spin_init(&rq->lock, "run queue", RANK_RUNQUEUE);
    list_init(&rq->queue);
    snprintf(idle->comm, TASK_COMM_LEN, "idle/%u", cpu);
    idle->state = TASK_RUNNABLE;
    idle->cpu = idle->last_cpu = cpu;
    idle->affinity = BIT(cpu);
    rq->curr = rq->idle = idle;
    cpus[cpu].rq = rq;
    cpus[cpu].current = idle; // the code that starts the CPU becomes its idle task
}

void sched_init(void)
{
    cpus[0].online = true;
    task_init();
    for (u32 cpu = 0; cpu < MAX_CPUS; cpu++)
        init_runqueue(cpu);
    task_reaper_start();
}

void sched_idle(void)
{
    struct runqueue *rq = this_rq();
    lapic_timer_start(HZ);
    for (;;) {
        irq_disable();
        if (!cpu_is_online(cpu_id()))
            sched_rest();
        sched_pull();
        if (__atomic_load_n(&rq->nr_queued, __ATOMIC_SEQ_CST))
            schedule();
        else
            cpu_idle_halt(); // who queues a task from here on interrupts it (S4)
    }
}

void sched_ap_main(void)
{
    sched_open(); // before smp_join(): the boot CPU waits for that, and then uses all CPUs
    smp_join();
    perf_cpu_start(cpu_id());
    sched_idle();
}

u64 sched_total_switches(void)
{
    u64 sum = 0;
    for (u32 i = 0; i < nr_cpus; i++)
        sum += __atomic_load_n(&runqueues[i].stats.switches, __ATOMIC_RELAXED);
    return sum;
}

void panic_describe_task(char *buf, size_t size)
{
    struct task *t = current_task();
    if (t)
        snprintf(buf, size, "%s (task %u)", t->comm, t->tid);
    else
        strcopy(buf, "none", size);
}
