// Where tasks run: which CPU a woken task gets, when tasks are pulled, how soon another CPU hears
// of its new task. CPUs 0 and 1; the test stays on CPU 0.
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "arch/x86/smp.h"
#include "linux/sched/timer.h"
#include "sched/runqueue.h"
#include "sched/wait.h"
#include "test/kernel/ktest.h"

#define BOTH     (BIT(0) | BIT(1))
#define PATIENCE 5000000000ul // what must happen soon has this long, on a slow emulator too
#define TRIES    20           // of what any tick can spoil

static volatile bool stop, held;
static struct wait_queue queue;
static volatile u32 calls, done;

static void spin(void *)
{
    while (!stop)
        cpu_pause();
}

// Keeps the CPU: whoever else belongs there stays in the queue.
static void hold(void *)
{
    preempt_disable();
    held = true;
    spin(NULL);
    preempt_enable();
}

static void start_holder(struct task **t)
{
    stop = held = false;
    *t = kthread_create("holder", hold, NULL, BIT(1));
    while (!held)
        schedule();
}

static void end(struct task *t)
{
    task_join(t);
    task_put(t);
}

// Waits until nobody else is runnable. A CPU that looks idle may be in the middle of a switch from
// a task that has died, and so wake the reaper. smp_wait_for_all() waits until it is through.
static void quiet(void)
{
    u32 load = 0, before;
    do {
        schedule();
        before = load;
        smp_wait_for_all();
        load = 0;
        for (u32 cpu = 0; cpu < nr_cpus; cpu++)
            load += rq_load(&runqueues[cpu]);
    } while (load != 1 || before != 1);
}

static bool stay_on_cpu_0(void)
{
    if (nr_cpus < 2) {
        ktest_skip("needs two CPUs");
        return false;
    }
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(0)), 0);
    quiet();
    return true;
}

static void go_anywhere(void)
{
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}

// ---- the choice for a woken task ----

static void answer(void *)
{
    for (u32 i = 1; i <= 2; i++) {
        wait_event(&queue, calls >= i);
        done = i;
    }
}

static void call(u32 n)
{
    calls = n;
    wake_all(&queue);
}

// A task that sleeps, and ran on CPU `last` before.
static struct task *sleeper(u32 last)
{
    calls = done = 0;
    wait_init(&queue);
    struct task *t = kthread_create("sleeper", answer, NULL, BIT(last));
    call(1);
    while (done < 1 || t->state != TASK_WAITING || t->on_cpu)
        schedule();
    EXPECT_EQ(t->last_cpu, last);
    EXPECT_EQ(sched_set_affinity(t, BOTH), 0);
    return t;
}

// Which CPU it gets when CPU 0 runs the test and `more` tasks wait there, and CPU 1 has `other`
// tasks. IRQs are off here, so nobody's load changes.
static u32 choice(u32 last, u32 more, u32 other, bool storm)
{
    struct task *t, *loads[4];
    u32 n = 0;
    quiet();
    t = sleeper(last);
    if (other > 0)
        start_holder(&loads[n++]);
    stop = false;
    for (u32 i = 0; i < more; i++)
        loads[n++] = task_new("load", spin, NULL, BIT(0));
    for (u32 i = 1; i < other; i++)
        loads[n++] = task_new("load", spin, NULL, BIT(1));
    irq_disable();
    for (u32 i = other > 0; i < n; i++)
        task_start(loads[i]);
    sched_storm = storm;
    call(2);
    u32 cpu = t->cpu;
    sched_storm = false;
    stop = true;
    irq_enable();
    end(t);
    for (u32 i = 0; i < n; i++)
        end(loads[i]);
    return cpu;
}

KTEST(sched_choice, "sched.choice", NULL)
{
    if (!stay_on_cpu_0())
        return;
    // The last CPU, waiting tasks on CPU 0, tasks on CPU 1; the CPU to choose; storm or not.
    static const u8 cases[][5] = {
        {0, 0, 0, 1},    {1, 0, 0, 1}, {1, 1, 0, 1}, // an idle one
        {0, 0, 2, 0},    {1, 0, 2, 0},               // else the least loaded one
        {0, 1, 1, 1},    {1, 1, 1, 1},               //
        {0, 0, 1, 1},    {1, 0, 1, 0},               // of two that are equal the other one
        {0, 0, 2, 1, 1},                             // the storm takes the next one
    };
    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        const u8 *c = cases[i];
        if (choice(c[0], c[1], c[2], c[4]) != c[3])
            ktest_fail(__FILE__, __LINE__, "last CPU %u, loads %u and %u: not CPU %u", c[0],
                       1 + c[1], c[2], c[3]);
    }
    go_anywhere();
}

static void naps(void *)
{
    for (u32 i = 0; i < 10; i++)
        sched_sleep_until(clock_ns() + 1000000, false);
}

// A task that wakes up on an idle machine goes back to its last CPU.
KTEST(sched_naps, "sched.naps", NULL)
{
    if (!stay_on_cpu_0())
        return;
    struct task *t = kthread_create("naps", naps, NULL, BOTH);
    task_join(t);
    EXPECT_EQ(t->nr_migrations, 0);
    task_put(t);
    go_anywhere();
}

// ---- pulling ----

static struct task *moves[2];
static u64 nr_moves;

// Both spin until the last one has had its turns.
static void spins_for_turns(void *)
{
    struct task *self = current_task();
    while (*(volatile u64 *)&self->nr_switches < 10)
        cpu_pause();
    if (__atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST) == 2) {
        nr_moves = moves[0]->nr_migrations + moves[1]->nr_migrations;
        stop = true;
        wake_all(&queue);
    }
    spin(NULL);
}

// Three tasks here and one there become two and two, and stay so.
KTEST(sched_evens_out, "sched.evens-out", NULL)
{
    if (!stay_on_cpu_0())
        return;
    struct task *bound[2];
    stop = false;
    done = 0;
    wait_init(&queue);
    for (u32 i = 0; i < 2; i++)
        bound[i] = kthread_create("bound", spin, NULL, BIT(i));
    for (u32 i = 0; i < 2; i++) {
        moves[i] = kthread_create("moves", spins_for_turns, NULL, BIT(1));
        while (*(volatile u64 *)&moves[i]->nr_switches == 0)
            schedule();
    }
    for (u32 i = 0; i < 2; i++)
        EXPECT_EQ(sched_set_affinity(moves[i], BOTH), 0);
    wait_event(&queue, stop);
    for (u32 i = 0; i < 2; i++) {
        end(bound[i]);
        end(moves[i]);
    }
    EXPECT_EQ(nr_moves, 1);
    go_anywhere();
}

// No tick of CPU 1 pulls anybody.
static void hold_without_ticks(void *)
{
    irq_disable();
    held = true;
    spin(NULL);
    irq_enable();
}

static void has_ten_turns(void *)
{
    struct task *self = current_task();
    while (*(volatile u64 *)&self->nr_switches < 10)
        cpu_pause();
    stop = true;
    wake_all(&queue);
}

// A task that the tick takes the CPU from stays in the queue of this CPU, also if another CPU has
// less to do.
KTEST(sched_stays, "sched.stays", NULL)
{
    if (!stay_on_cpu_0())
        return;
    wait_init(&queue);
    stop = held = false;
    struct task *there = kthread_create("there", hold_without_ticks, NULL, BIT(1));
    while (!held)
        schedule();
    struct task *here = kthread_create("here", spin, NULL, BIT(0));
    struct task *stays = kthread_create("stays", has_ten_turns, NULL, BIT(0));
    EXPECT_EQ(sched_set_affinity(stays, BOTH), 0);
    wait_event(&queue, stop);
    end(there);
    end(here);
    EXPECT_EQ(stays->nr_migrations, 0);
    end(stays);
    go_anywhere();
}

static volatile u64 began_at[2]; // ticks of CPU 0
static u32 places[2];            // 1: the first

static void notes_its_place(void *arg)
{
    began_at[(u64)arg] = runqueues[0].stats.ticks;
    places[(u64)arg] = __atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
    EXPECT_EQ(cpu_id(), 0);
    if (done == 2)
        wake_all(&queue);
}

// Two tasks wait behind a holder when CPU 0 is about to idle. It pulls them at once, and first the
// one that has waited for longer. True if no tick helped.
static bool pulled_at_once(void)
{
    struct task *holder, *t[2];
    done = 0;
    start_holder(&holder);
    for (u64 i = 0; i < 2; i++)
        t[i] = kthread_create("waits", notes_its_place, (void *)i, BIT(1));
    irq_disable(); // no tick of this CPU pulls them
    for (u32 i = 0; i < 2; i++)
        EXPECT_EQ(sched_set_affinity(t[i], BOTH), 0);
    u64 ticks = runqueues[0].stats.ticks;
    wait_event(&queue, done == 2);
    irq_enable();
    stop = true;
    for (u32 i = 0; i < 2; i++) {
        EXPECT_EQ(places[i], i + 1);
        end(t[i]);
    }
    end(holder);
    return began_at[0] == ticks && began_at[1] == ticks;
}

KTEST(sched_pull, "sched.pull", NULL)
{
    bool at_once = false;
    if (!stay_on_cpu_0())
        return;
    wait_init(&queue);
    for (u32 i = 0; i < TRIES; i++)
        at_once |= pulled_at_once();
    EXPECT(at_once);
    go_anywhere();
}

// ---- telling another CPU ----

static volatile u64 ran_at; // ticks of CPU 1

static void notes_ticks(void *)
{
    for (u32 i = 1; i <= TRIES; i++) {
        wait_event(&queue, calls >= i);
        ran_at = runqueues[1].stats.ticks;
        done = i;
    }
}

// S4: a woken task runs on its idle CPU, although the waker keeps its own IRQs off. No tick need
// come before.
KTEST(sched_kick, "sched.kick", NULL)
{
    u32 at_once[2] = {0};
    if (!stay_on_cpu_0())
        return;
    calls = done = 0;
    wait_init(&queue);
    struct task *t = kthread_create("woken", notes_ticks, NULL, BIT(1));
    for (u32 i = 1; i <= TRIES; i++) {
        while (t->state != TASK_WAITING || t->on_cpu)
            schedule();
        irq_disable();
        u64 ticks = runqueues[1].stats.ticks, until = clock_ns() + PATIENCE;
        calls = i;
        if (i % 2)
            wake_all(&queue); // under the queue's lock
        else
            sched_wake(t);
        while (done < i && clock_ns() < until)
            cpu_pause();
        EXPECT_EQ(done, i);
        at_once[i % 2] += ran_at == ticks;
        irq_enable();
    }
    end(t);
    EXPECT(at_once[0] && at_once[1]);
    go_anywhere();
}

static void at_once(void *)
{
}

// The switch that leaves a dead task wakes the reaper. It sends the interrupt before it ends.
KTEST(sched_kick_reaper, "sched.kick-reaper", NULL)
{
    u32 in_time = 0;
    if (!stay_on_cpu_0())
        return;
    struct task *reaper = ktest_task("reaper");
    EXPECT_EQ(sched_set_affinity(reaper, BIT(1)), 0);
    for (u32 i = 0; i < TRIES; i++) {
        quiet();
        struct task *t = kthread_create("dies", at_once, NULL, BIT(0));
        irq_disable();
        u64 ticks = runqueues[1].stats.ticks, until = clock_ns() + PATIENCE;
        while (t->state != TASK_DEAD || t->queued)
            schedule();
        EXPECT(!kicks_due());
        while (*(volatile u32 *)&t->refs.n > 1 && clock_ns() < until)
            cpu_pause();
        in_time += runqueues[1].stats.ticks == ticks;
        irq_enable();
        task_put(t);
    }
    EXPECT(in_time > 0);
    EXPECT_EQ(sched_set_affinity(reaper, CPUMASK_ALL), 0);
    go_anywhere();
}

// Nobody is told who need not know: a task that is queued for a CPU that works waits for its turn.
KTEST(sched_no_kick, "sched.no-kick", NULL)
{
    if (!stay_on_cpu_0())
        return;
    struct task *t = sleeper(0);
    EXPECT_EQ(sched_set_affinity(t, BIT(0)), 0);
    irq_disable();
    schedule(); // whatever was due is done
    call(2);
    EXPECT(t->queued);
    EXPECT(!need_resched());
    EXPECT_EQ(sched_set_affinity(current_task(), BOTH), 0);
    EXPECT(!need_resched());
    irq_enable();
    end(t);
    go_anywhere();
}

// ---- affinity ----

// A task that is alone on its CPU meets no tick that switches, and moves all the same.
KTEST(sched_sent_away, "sched.sent-away", NULL)
{
    if (!stay_on_cpu_0())
        return;
    stop = false;
    struct task *t = kthread_create("spins", spin, NULL, BIT(1));
    while (runqueues[1].curr != t)
        schedule();
    EXPECT_EQ(sched_set_affinity(t, BIT(0)), 0);
    EXPECT(runqueues[1].curr != t);
    EXPECT_EQ(t->cpu, 0);
    stop = true;
    end(t);
    go_anywhere();
}

// So does one that waits in a queue, although the task before it keeps the CPU. With two tasks
// there and one here it is not pulled: that would only exchange the loads.
KTEST(sched_taken_out, "sched.taken-out", NULL)
{
    struct task *holder, *t;
    if (!stay_on_cpu_0())
        return;
    start_holder(&holder);
    t = kthread_create("waits", spin, NULL, BIT(1));
    EXPECT_EQ(sched_set_affinity(t, BOTH), 0);
    irq_disable();
    sched_pull();
    irq_enable();
    EXPECT_EQ(t->cpu, 1);
    EXPECT_EQ(sched_set_affinity(t, BIT(0)), 0);
    EXPECT_EQ(t->cpu, 0);
    EXPECT_EQ(runqueues[1].nr_queued, 0);
    stop = true;
    end(t);
    end(holder);
    go_anywhere();
}

static void sleeps_often(void *arg)
{
    for (u32 i = 0; i < (u64)arg; i++) {
        current_task()->state = TASK_WAITING;
        schedule();
        done++;
    }
}

// S1: a task may be woken while its CPU is in the middle of the switch to another one. Debug builds
// check that its place is chosen only after that.
KTEST(sched_wake_in_switch, "sched.wake-in-switch", NULL)
{
    u64 rounds = ktest_scale(300);
    if (!stay_on_cpu_0())
        return;
    done = 0;
    struct task *t = kthread_create("sleeps", sleeps_often, (void *)rounds, BIT(1));
    for (u32 i = 0; i < rounds; i++) {
        const volatile struct runqueue *there = &runqueues[1];
        while (done < i || there->curr == t || !sched_wake(t))
            cpu_pause();
    }
    end(t);
    EXPECT_EQ(done, rounds);
    go_anywhere();
}

// The running task goes at once, not at the next tick.
KTEST(sched_goes, "sched.goes", NULL)
{
    u32 at_once = 0;
    if (!stay_on_cpu_0())
        return;
    for (u32 i = 0; i < TRIES; i++) {
        const volatile u64 *ticks = &runqueues[i % 2].stats.ticks;
        u64 before = *ticks;
        EXPECT_EQ(sched_set_affinity(current_task(), BIT((i + 1) % 2)), 0);
        at_once += *ticks == before;
        EXPECT_EQ(cpu_id(), (i + 1) % 2);
    }
    EXPECT(at_once > 0);
    go_anywhere();
}
