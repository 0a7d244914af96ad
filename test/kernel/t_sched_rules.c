// Single rules of the scheduler, each in a scene of its own.
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "sched/runqueue.h"
#include "sched/wait.h"
#include "test/kernel/ktest.h"

#define PATIENCE 5000000000ul // what must happen soon has this long, on a slow emulator too

static volatile bool stop;

static void spinner(void *)
{
    while (!stop)
        cpu_pause();
}

static void end(struct task *t)
{
    task_join(t);
    task_put(t);
}

// ---- preemption ----

// A task that is about to wait. Its state is TASK_SLEEPING already when the tick preempts it, but
// it has not tested its condition yet. So it must get the CPU back without a wake-up.
static void about_to_wait(void *)
{
    struct task *self = current_task();
    u64 before = self->nr_switches;
    self->state = TASK_SLEEPING;
    while (*(volatile u64 *)&self->nr_switches == before)
        cpu_pause();
    self->state = TASK_RUNNABLE;
}

KTEST(sched_preempted, "sched.preempted-before-waiting", NULL)
{
    cpumask last = BIT(nr_cpus - 1);
    stop = false;
    struct task *other = kthread_create("other", spinner, NULL, last);
    struct task *t = kthread_create("about to wait", about_to_wait, NULL, last);
    u64 until = clock_ns() + PATIENCE;
    while (t->state != TASK_DEAD && clock_ns() < until)
        schedule();
    EXPECT_EQ(t->state, TASK_DEAD);
    sched_wake(t); // only a failed test needs this
    stop = true;
    end(t);
    end(other);
}

// ---- the tick ----

// Each CPU counts its own; also one that idles while the tasks of the busiest may not leave it.
KTEST(sched_ticks, "sched.ticks", NULL)
{
    struct task *bound[2];
    cpumask last = BIT(nr_cpus - 1);
    stop = false;
    EXPECT_EQ(sched_set_affinity(current_task(), last), 0);
    for (u32 i = 0; i < ARRAY_SIZE(bound); i++)
        bound[i] = kthread_create("bound", spinner, NULL, last);
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        const volatile u64 *ticks = &runqueues[cpu].stats.ticks;
        u64 first = *ticks, until = clock_ns() + PATIENCE;
        while (*ticks < first + 3 && clock_ns() < until)
            schedule();
        EXPECT(*ticks >= first + 3);
    }
    stop = true;
    for (u32 i = 0; i < ARRAY_SIZE(bound); i++)
        end(bound[i]);
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}

// ---- the reaper ----

static void at_once(void *)
{
}

// The reaper frees dead tasks, and then sleeps until another task dies.
KTEST(sched_reaper, "sched.reaper-sleeps", NULL)
{
    struct task *reaper = ktest_task("reaper");
    struct task *t = kthread_create("dies", at_once, NULL, CPUMASK_ALL);
    end(t);
    u64 until = clock_ns() + PATIENCE;
    while (reaper->state != TASK_WAITING && clock_ns() < until)
        schedule();
    EXPECT_EQ(reaper->state, TASK_WAITING);
    EXPECT_EQ(reaper->refs.n, 1); // the scheduler's
}

// ---- waking ----

// More than three batches (sched/wait.c).
#define MANY 110

static struct wait_queue queue;
static volatile bool gate;
static u32 through;

static void waits(void *)
{
    wait_event(&queue, gate);
    __atomic_fetch_add(&through, 1, __ATOMIC_RELAXED);
}

KTEST(sched_wake_many, "sched.wake-many", NULL)
{
    struct task *t[MANY];
    wait_init(&queue);
    gate = false;
    through = 0;
    for (u32 i = 0; i < MANY; i++)
        t[i] = kthread_create("waits", waits, NULL, CPUMASK_ALL);
    for (u32 i = 0; i < MANY; i++)
        while (t[i]->state != TASK_WAITING)
            schedule();
    gate = true;
    wake_all(&queue);
    for (u32 i = 0; i < MANY; i++)
        end(t[i]);
    EXPECT_EQ(through, MANY);
    EXPECT(list_empty(&queue.waiters));
}

// ---- the storm ----

static void runs_20_times(void *)
{
    while (*(volatile u64 *)&current_task()->nr_switches < 20)
        cpu_pause();
}

// A task that the storm preempts goes to the next CPU. Both CPUs are busy, so neither pulls it
// back.
KTEST(sched_storm_moves, "sched.storm-moves", NULL)
{
    struct task *busy[MAX_CPUS];
    if (nr_cpus < 2)
        return ktest_skip("needs two CPUs");
    stop = false;
    sched_storm = true;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        busy[cpu] = kthread_create("busy", spinner, NULL, BIT(cpu));
    struct task *t = kthread_create("moves", runs_20_times, NULL, CPUMASK_ALL);
    task_join(t);
    sched_storm = false;
    stop = true;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        end(busy[cpu]);
    EXPECT(t->nr_switches >= 20);
    EXPECT(t->nr_migrations >= t->nr_switches / 2);
    task_put(t);
}
