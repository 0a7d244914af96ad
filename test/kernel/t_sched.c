// The scheduler: exclusion, waking, preemption, affinity, fairness, tasks that come and go.
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "kernel/mm/page.h"
#include "sched/wait.h"
#include "test/kernel/ktest.h"

#define MS          1000000ul
#define MAX_TASKS   16
#define STACKS_KEPT 160         // pages; kernel/mm/kstack.c
#define PATIENCE    (5000 * MS) // what must happen soon has this long, on a slow emulator too

static struct task *tasks[MAX_TASKS];
static volatile bool stop;

static void start(u32 n, void (*fn)(void *), cpumask mask)
{
    stop = false;
    for (u32 i = 0; i < n; i++) {
        tasks[i] = kthread_create("test", fn, (void *)(u64)i, mask);
        EXPECT(tasks[i]);
    }
}

static void join(u32 n)
{
    for (u32 i = 0; i < n; i++) {
        task_join(tasks[i]);
        task_put(tasks[i]);
    }
}

static void yield_ms(u64 ms)
{
    for (u64 end = clock_ns() + ms * MS; clock_ns() < end;)
        schedule();
}

// ---- mutex ----

static struct mutex mutex;
static u64 guarded, rounds;

static void locker(void *arg)
{
    for (u64 i = 0; i < rounds; i++) {
        mutex_lock(&mutex);
        u64 seen = guarded;
        if (i % 8 == (u64)arg % 8)
            schedule();
        guarded = seen + 1;
        mutex_unlock(&mutex);
    }
}

KTEST(sched_mutex, "sched.mutex", NULL)
{
    mutex_init(&mutex, "test", RANK_SLOTS);
    guarded = 0;
    rounds = ktest_scale(1000);
    start(8, locker, CPUMASK_ALL);
    join(8);
    EXPECT_EQ(guarded, 8 * rounds);
    EXPECT(!mutex.holder);
}

// ---- waking ----

static struct wait_queue ping, pong;
static volatile u64 pings, pongs;

static void ponger(void *)
{
    for (u64 i = 1; i <= rounds; i++) {
        wait_event(&ping, pings >= i);
        pongs = i;
        wake_all(&pong);
    }
}

// No wake is lost, on one CPU or across two.
KTEST(sched_wake, "sched.wake", NULL)
{
    wait_init(&ping);
    wait_init(&pong);
    rounds = ktest_scale(3000);
    for (u32 cpu = 0; cpu < MIN(nr_cpus, 2u); cpu++) {
        pings = pongs = 0;
        start(1, ponger, BIT(cpu));
        for (u64 i = 1; i <= rounds; i++) {
            pings = i;
            wake_all(&ping);
            wait_event(&pong, pongs >= i);
        }
        join(1);
    }
}

// ---- preemption, fairness, affinity ----

static volatile u64 progress[MAX_TASKS];

static void spinner(void *arg)
{
    while (!stop)
        progress[(u64)arg]++;
}

// Tasks that never give up a CPU all get an equal share of it, and other tasks still run beside
// them.
KTEST(sched_share, "sched.no-starvation", NULL)
{
    u32 cpu = nr_cpus - 1, n = 5;
    start(n, spinner, BIT(cpu));
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(cpu)), 0);
    for (u32 i = 0; i < n; i++)
        progress[i] = 0;
    yield_ms(400);
    u64 least = ~0ull, most = 0; // turns, not time: the host may stop the CPU in any task's turn
    for (u32 i = 0; i < n; i++) {
        least = MIN(least, tasks[i]->nr_switches);
        most = MAX(most, tasks[i]->nr_switches);
        EXPECT(progress[i] > 0);
        EXPECT_EQ(tasks[i]->nr_migrations, 0);
    }
    stop = true;
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
    join(n);
    ktest_note("turns of %u tasks on one CPU: %lu to %lu", n, least, most);
    EXPECT(most <= least + 2);
}

static volatile u64 strayed;

static void stay_inside(void *)
{
    while (!stop) {
        preempt_disable();
        if (!(current_task()->affinity & BIT(cpu_id())))
            strayed++;
        preempt_enable();
    }
}

KTEST(sched_affinity, "sched.affinity", NULL)
{
    EXPECT_EQ(sched_set_affinity(current_task(), 0), -EINVAL);
    EXPECT_EQ(sched_set_affinity(current_task(), ~cpus_online()), -EINVAL);
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        EXPECT_EQ(sched_set_affinity(current_task(), BIT(cpu)), 0);
        EXPECT_EQ(cpu_id(), cpu);
    }
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);

    u32 n = 4;
    start(n, spinner, CPUMASK_ALL);
    for (u64 i = 0; i < ktest_scale(300); i++) {
        cpumask mask = BIT(i % nr_cpus) | (i % 3 ? 0 : BIT(0));
        EXPECT_EQ(sched_set_affinity(tasks[i % n], mask), 0);
        EXPECT(mask & BIT(tasks[i % n]->cpu));
    }
    stop = true;
    join(n);

    strayed = 0;
    sched_storm = true;
    start(n, stay_inside, BIT(0) | BIT(nr_cpus - 1));
    yield_ms(100);
    sched_storm = false;
    stop = true;
    join(n);
    EXPECT_EQ(strayed, 0);
}

static u32 cpus_in_use(u32 n)
{
    u32 count = 0;
    cpumask seen = 0;
    for (u32 i = 0; i < n; i++) {
        count += !(seen & BIT(tasks[i]->cpu));
        seen |= BIT(tasks[i]->cpu);
    }
    return count;
}

// Runnable tasks spread over the CPUs: no CPU idles while another has tasks that wait.
KTEST(sched_balance, "sched.balance", NULL)
{
    if (nr_cpus < 2) {
        ktest_skip("needs two CPUs");
        return;
    }
    u32 wanted = MIN(nr_cpus, 4u), n = 2 * wanted, used = 0;
    start(n, spinner, BIT(0));
    for (u32 i = 0; i < n; i++)
        sched_set_affinity(tasks[i], CPUMASK_ALL);
    for (u64 end = clock_ns() + PATIENCE; used < wanted && clock_ns() < end;) {
        yield_ms(1);
        used = cpus_in_use(n);
    }
    stop = true;
    join(n);
    EXPECT(used >= wanted);
}

// The tasks of the busiest CPU may be bound to it. An idle CPU takes one from another CPU then.
KTEST(sched_bound, "sched.bound", NULL)
{
    if (nr_cpus < 3) {
        ktest_skip("needs three CPUs");
        return;
    }
    bool came = false;
    start(7, spinner, BIT(1)); // four of them stay
    for (u32 i = 4; i < 7; i++)
        EXPECT_EQ(sched_set_affinity(tasks[i], BIT(2)), 0);
    for (u32 i = 4; i < 7; i++)
        EXPECT_EQ(sched_set_affinity(tasks[i], BIT(0) | BIT(2)), 0);
    for (u64 end = clock_ns() + PATIENCE; !came && clock_ns() < end; yield_ms(1))
        for (u32 i = 4; i < 7; i++)
            came |= tasks[i]->cpu == 0;
    stop = true;
    join(7);
    EXPECT(came);
}

// A dead task waits for the reaper, and its node is in the reaper's list. A change of its affinity
// must not treat it as a task in a run queue.
static void at_once(void *)
{
}

// The dead task and the reaper belong to this CPU. The switch has just made the reaper runnable,
// but preemption is off, so it cannot run before this function returns.
static bool moves_the_dead(void)
{
    bool waits = false;
    struct task *t = kthread_create("dead", at_once, NULL, BIT(cpu_id()));
    EXPECT(t);
    task_join(t);
    while (!waits && t->on_cpu)
        schedule();
    preempt_disable();
    waits = t->state == TASK_DEAD && !t->on_cpu && !list_empty(&t->run_node);
    if (waits)
        EXPECT_EQ(sched_set_affinity(t, BIT(1)), 0);
    preempt_enable();
    task_put(t);
    return waits;
}

KTEST(sched_affinity_dead, "sched.affinity-dead", NULL)
{
    if (nr_cpus == 1)
        return ktest_skip("needs two CPUs");
    struct task *reaper = ktest_task("reaper");
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(0)), 0);
    EXPECT_EQ(sched_set_affinity(reaper, BIT(0)), 0);
    u32 moved = 0;
    for (u64 i = 0; i < ktest_scale(100); i++)
        moved += moves_the_dead();
    EXPECT_EQ(sched_set_affinity(reaper, CPUMASK_ALL), 0);
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
    ktest_note("%u dead tasks were moved", moved);
    EXPECT(moved > 0);
}

// ---- forced preemption and migration ----

static volatile u64 mixed_up;

// Values in registers and on the stack that only this task knows.
static void juggler(void *arg)
{
    u64 a = (u64)arg, b = a * 3, c = a * 5, sum, turns = 0;
    u64 local[8];
    struct task *self = current_task();
    for (int i = 0; i < 8; i++)
        local[i] = a + i;
    while (!stop) {
        sum = 0;
        for (int i = 0; i < 8; i++)
            sum += ((volatile u64 *)local)[i];
        if (sum != 8 * a + 28 || b != a * 3 || c != a * 5 || current_task() != self)
            __atomic_fetch_add(&mixed_up, 1, __ATOMIC_RELAXED);
        if (++turns % 64 == a)
            schedule();
        __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c));
    }
}

KTEST(sched_storm, "sched.storm", NULL)
{
    u32 n = 8;
    u64 first = sched_total_switches(), moved = 0, end = clock_ns() + PATIENCE;
    mixed_up = 0;
    sched_storm = true;
    start(n, juggler, CPUMASK_ALL);
    while (sched_total_switches() < first + ktest_scale(5000) && clock_ns() < end)
        schedule();
    sched_storm = false;
    stop = true;
    for (u32 i = 0; i < n; i++)
        moved += tasks[i]->nr_migrations;
    join(n);
    EXPECT_EQ(mixed_up, 0);
    EXPECT(nr_cpus == 1 || moved > 0);
}

// ---- coming and going ----

static u64 visits;

static void visitor(void *)
{
    __atomic_fetch_add(&visits, 1, __ATOMIC_RELAXED);
}

static void churn(u64 generations)
{
    for (u64 i = 0; i < generations; i++) {
        start(MAX_TASKS, visitor, CPUMASK_ALL);
        u32 tid = tasks[0]->tid;
        join(MAX_TASKS);
        EXPECT(!task_find(tid));
    }
}

KTEST(sched_churn, "sched.churn", NULL)
{
    u64 generations = ktest_scale(200);
    u64 before = pages_free_count(), end = clock_ns() + PATIENCE;
    visits = 0;
    churn(generations);
    EXPECT_EQ(visits, generations * MAX_TASKS);
    // The reaper may still free the last ones, and some stacks are kept for the next tasks.
    while (pages_free_count() + STACKS_KEPT < before && clock_ns() < end)
        yield_ms(4);
    EXPECT(pages_free_count() + STACKS_KEPT >= before);
}
