// Two tasks on one CPU that take turns: what a turn lasts, what is counted of it, and when it ends.
// The test is one of the two. IRQs are off, so a task loses the CPU only when it gives it up.
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "kernel/base/string.h"
#include "linux/sched/timer.h"
#include "sched/runqueue.h"
#include "test/kernel/ktest.h"

#define PATIENCE 5000000000ul // what must happen soon has this long, on a slow emulator too

static struct task *partner;
static struct runqueue *rq;      // of the CPU on which both run
static volatile bool stop, busy; // busy: it does not give up the CPU, IRQs on
static volatile u32 turns;       // that the partner has begun
static u64 began, ended;         // of its last turn
static u32 due;                  // this CPU's, when that turn began
static struct task *before_it;   // who ran before that turn

static void take_turns(void *)
{
    irq_disable();
    while (!stop) {
        turns++;
        due = this_cpu()->due;
        before_it = rq->prev;
        began = clock_ns();
        while (clock_ns() < began + 50000)
            cpu_pause();
        if (busy) {
            irq_enable();
            while (busy)
                cpu_pause();
            irq_disable();
        }
        ended = clock_ns();
        schedule();
    }
    irq_enable();
}

// IRQs are off on return, and the partner has had a turn.
static void start(bool is_busy)
{
    u32 cpu = nr_cpus - 1;
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(cpu)), 0);
    rq = &runqueues[cpu];
    stop = false;
    busy = is_busy;
    turns = 0;
    partner = kthread_create("partner", take_turns, NULL, BIT(cpu));
    irq_disable();
    while (!turns)
        schedule();
}

static void finish(void)
{
    stop = true;
    busy = false;
    irq_enable();
    task_join(partner);
    task_put(partner);
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}

// ---- what is counted ----

// The time that a running task has had until now.
static u64 time_of(const struct task *t, u64 now)
{
    return t->runtime_ns + (now - t->switched_in_ns);
}

// Each moment belongs to one task: the partner's turn is no part of the test's own time.
KTEST(sched_charge, "sched.charge", NULL)
{
    struct task *self = current_task();
    start(false);
    u64 first = clock_ns(), own = time_of(self, first), others = partner->runtime_ns;
    schedule();
    u64 last = clock_ns();
    own = time_of(self, last) - own;
    others = partner->runtime_ns - others;
    EXPECT(others >= ended - began);
    EXPECT(own + others <= last - first);
    finish();
}

// The time of the idle task, and of nobody else, is the time in which the CPU idles.
KTEST(sched_idle_time, "sched.idle-time", NULL)
{
    start(false);
    u64 task_ns = rq->idle->runtime_ns, idle_ns = rq->stats.idle_ns;
    schedule();
    EXPECT_EQ(rq->stats.idle_ns, idle_ns); // two tasks were runnable
    finish();
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(nr_cpus - 1)), 0);
    sched_sleep_until(clock_ns() + 10000000, false);
    irq_disable();
    EXPECT(rq->stats.idle_ns > idle_ns);
    EXPECT_EQ(rq->stats.idle_ns - idle_ns, rq->idle->runtime_ns - task_ns);
    irq_enable();
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}

// A CPU that idles counts that at each tick, not only at the next switch.
KTEST(sched_idle_ticks, "sched.idle-ticks", NULL)
{
    if (nr_cpus < 2)
        return ktest_skip("needs two CPUs");
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(0)), 0);
    const volatile struct sched_stats *there = &runqueues[1].stats;
    bool grew = false;
    for (u64 until = clock_ns() + PATIENCE; !grew && clock_ns() < until;) {
        u64 switches = there->switches, idle_ns = there->idle_ns, ticks = there->ticks;
        while (there->ticks < ticks + 2 && clock_ns() < until)
            cpu_pause();
        grew = there->idle_ns > idle_ns && there->switches == switches;
    }
    EXPECT(grew);
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}

// One turn of the partner. True if no third task had one meanwhile.
static bool one_turn(void)
{
    schedule();
    return rq->prev == partner && before_it == current_task();
}

// A turn of each are two switches. To give up the CPU is no preemption, and to stay no migration.
KTEST(sched_counts, "sched.counts", NULL)
{
    struct task *self = current_task();
    struct sched_stats old;
    u64 own, others, moves;
    bool alone = false;
    start(false);
    for (u32 i = 0; i < 100 && !alone; i++) {
        old = rq->stats;
        own = self->nr_switches;
        others = partner->nr_switches;
        moves = self->nr_migrations;
        alone = one_turn();
    }
    EXPECT(alone);
    EXPECT(self->on_cpu && !partner->on_cpu);
    EXPECT_EQ(rq->stats.switches - old.switches, 2);
    EXPECT_EQ(rq->stats.migrations_in, old.migrations_in);
    EXPECT_EQ(self->nr_switches - own, 1);
    EXPECT_EQ(self->nr_migrations, moves);
    EXPECT_EQ(partner->nr_switches - others, 1);
    EXPECT_EQ(partner->nr_migrations, 0); // its first CPU was not its maker's, perhaps: no move
    finish();
}

static volatile u64 seen_first;

// Its first CPU is not its maker's. That is no migration yet.
static void moves_once(void *)
{
    seen_first = this_rq()->stats.migrations_in;
    sched_set_affinity(current_task(), BIT(0));
}

KTEST(sched_moves, "sched.moves", NULL)
{
    bool none_at_first = false;
    if (nr_cpus < 2)
        return ktest_skip("needs two CPUs");
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(0)), 0);
    for (u32 i = 0; i < 10; i++) {
        u64 there = runqueues[1].stats.migrations_in, here = runqueues[0].stats.migrations_in;
        struct task *t = kthread_create("moves once", moves_once, NULL, BIT(1));
        task_join(t);
        EXPECT_EQ(t->nr_migrations, 1);
        EXPECT(runqueues[0].stats.migrations_in > here);
        none_at_first |= seen_first == there; // the reaper may have come there meanwhile
        task_put(t);
    }
    EXPECT(none_at_first);
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}

static u64 sum_of_switches(void)
{
    u64 sum = 0;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        sum += runqueues[cpu].stats.switches;
    return sum;
}

KTEST(sched_total, "sched.total-switches", NULL)
{
    u64 before = sum_of_switches(), total = sched_total_switches(), after = sum_of_switches();
    EXPECT(before <= total && total <= after);
}

// ---- the slice ----

static void turn_lasts(u32 ticks)
{
    struct sched_stats old;
    u32 turn;
    bool alone = false;
    start(true);
    for (u32 i = 0; i < 100 && !alone; i++) {
        old = rq->stats;
        turn = turns;
        schedule();
        alone = rq->prev == partner && rq->stats.switches == old.switches + 2;
    }
    EXPECT(alone);
    EXPECT_EQ(turns, turn); // it is still in the same loop
    EXPECT_EQ(rq->stats.ticks - old.ticks, ticks);
    EXPECT_EQ(rq->stats.preemptions - old.preemptions, 1);
    EXPECT_EQ(current_task()->slice, SLICE_TICKS);
    finish();
}

// The tick ends the turn of a task that does not give up the CPU: after SLICE_TICKS ticks, if
// another waits. That is a preemption. In a storm each tick ends a turn.
KTEST(sched_slice, "sched.slice", NULL)
{
    turn_lasts(SLICE_TICKS);
    sched_storm = true;
    turn_lasts(1);
    sched_storm = false;
}

// A task that is alone keeps the CPU when its slice is used up. It gets a new slice when it offers
// the CPU and nobody wants it.
KTEST(sched_alone, "sched.slice-alone", NULL)
{
    const volatile struct task *self = current_task();
    u64 switches, ticks;
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(0)), 0);
    const volatile struct sched_stats *here = &runqueues[0].stats;
    do {
        switches = self->nr_switches;
        for (ticks = here->ticks; here->ticks < ticks + SLICE_TICKS + 2;)
            cpu_pause();
        irq_disable();
        if (self->nr_switches == switches)
            break;
        irq_enable(); // somebody else was there
    } while (true);
    EXPECT_EQ(self->slice, 0);
    schedule();
    EXPECT_EQ(self->slice, SLICE_TICKS);
    irq_enable();
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}

// ---- a switch that is due ----

// It waits for IRQs and preemption, and no longer.
KTEST(sched_due, "sched.due", NULL)
{
    start(false);
    for (u32 i = 0; i < 10; i++) {
        u32 turn = turns;
        EXPECT(!need_resched());
        preempt_disable();
        sched_kick(cpu_id());
        EXPECT(need_resched());
        preempt_enable(); // IRQs are off
        EXPECT_EQ(turns, turn);
        preempt_disable();
        irq_enable();
        EXPECT_EQ(turns, turn);
        preempt_enable();
        EXPECT(turns > turn);
        irq_disable();
        schedule();
    }
    finish();
}

// S5: the switch itself sees that the next task has a signal.
KTEST(sched_signal_due, "sched.signal-due", NULL)
{
    start(false);
    for (u32 i = 0; i < 4; i++) {
        bool signal = i % 2;
        cpu_clear_due(DUE_RETURN);
        partner->signal_pending = signal;
        one_turn();
        EXPECT_EQ(!!(due & DUE_RETURN), signal);
    }
    partner->signal_pending = false;
    cpu_clear_due(DUE_RETURN);
    finish();
}

// ---- the idle tasks ----

KTEST(sched_idle_tasks, "sched.idle-tasks", NULL)
{
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        char name[TASK_COMM_LEN];
        const struct task *idle = runqueues[cpu].idle;
        snprintf(name, sizeof(name), "idle/%u", cpu);
        EXPECT(!strcmp(idle->comm, name));
        EXPECT_EQ(idle->state, TASK_RUNNABLE);
        EXPECT_EQ(idle->affinity, BIT(cpu));
        EXPECT_EQ(idle->cpu, cpu);
    }
}
