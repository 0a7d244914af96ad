// CPUs that go and come under load: no access, wake-up, timer or slot is lost.
#include "arch/x86/platform.h"
#include "arch/x86/smp.h"
#include "linux/sched/hotplug.h"
#include "linux/sched/timer.h"
#include "sched/runqueue.h"
#include "sched/wait.h"
#include "test/kernel/bp_test.h"

#define MS           1000000ul
#define MAX_WORKERS  8
#define TASK_EVENTS  2           // and one event of the CPU, and a wide one
#define PATIENCE     (5000 * MS) // what must happen soon has this long, on a slow emulator too
#define NAP          (MS / 4)
#define OFFLINE_NAPS 8 // in one of this many rounds the CPU stays away for a while

static volatile u64 own[TASK_EVENTS], on_cpu, everywhere; // watched by the task, the CPU, all CPUs
static volatile bool go, stop;

struct worker {
    struct task *task;
    u64 accesses;       // to each of own[] and to `everywhere`
    volatile u64 there; // of those, on the CPU that comes and goes; also to `on_cpu`
    u64 hits[TASK_EVENTS];
    long error;
};

static struct worker workers[MAX_WORKERS];
static u32 victim;

static void access_all(struct worker *w)
{
    preempt_disable();
    for (u32 i = 0; i < TASK_EVENTS; i++)
        own[i] = w->accesses;
    everywhere = w->accesses;
    on_cpu = w->accesses;
    w->there += cpu_id() == victim;
    w->accesses++;
    preempt_enable();
}

static void work(void *arg)
{
    struct worker *w = arg;
    struct perf_event *event[TASK_EVENTS];
    for (u32 i = 0; i < TASK_EVENTS; i++) {
        event[i] = bp_open(&own[i], HW_BREAKPOINT_W, 8);
        if (IS_ERR(event[i]))
            w->error = PTR_ERR(event[i]);
    }
    while (!go)
        schedule();
    while (!stop) {
        access_all(w);
        if (w->accesses % 16 == (u64)(w - workers))
            schedule();
    }
    for (u32 i = 0; i < TASK_EVENTS; i++)
        if (!IS_ERR(event[i]))
            w->hits[i] = bp_close(event[i]);
}

// ---- other tasks, which must not notice ----

static u64 naps;
static u64 too_early;

static void napper(void *)
{
    for (; !stop; naps++) {
        u64 until = clock_ns() + NAP;
        sched_sleep_until(until, false);
        too_early += clock_ns() + MS < until; // the clocks of two CPUs may differ a little
    }
}

static struct wait_queue ping, pong;
static volatile u64 pings, pongs;

static void ponger(void *)
{
    for (u64 i = 1; i; i++) {
        wait_event(&ping, pings >= i || stop);
        pongs = i;
        wake_all(&pong);
        if (stop && pings < i)
            break;
    }
}

static void pinger(void *)
{
    while (!stop) {
        u64 i = pings + 1;
        pings = i;
        wake_all(&ping);
        wait_event(&pong, pongs >= i);
    }
    wake_all(&ping);
}

static struct timer timer;
static volatile bool fired;

static void fire(struct timer *)
{
    fired = true;
}

static void arm_here(void *arg)
{
    timer_start(&timer, clock_ns() + *(u64 *)arg, fire);
}

static void nothing(void *)
{
}

// ---- the storm ----

// What must be true for as long as a CPU is away.
static void expect_at_rest(struct perf_event *event, u64 round)
{
    const struct cpu *c = &cpus[victim];
    struct sched_stats before = runqueues[victim].stats;
    u64 count = bp_count(event), ticks = c->lapic_ticks, writes = c->dr.stats.writes,
        exceptions = c->dr.stats.exceptions;

    EXPECT(!cpu_is_online(victim) && cpu_is_online(0));
    EXPECT(!smp_call(victim, nothing, NULL));
    schedule();
    if (round % OFFLINE_NAPS == 0)
        sched_sleep_until(clock_ns() + 8 * MS, false);

    EXPECT_EQ(c->dr.live_dr7, DR7_FIXED_1);
    for (int i = 0; i < HBP_NUM; i++)
        EXPECT(!c->dr.live.slot[i].owner && !c->dr.want.slot[i].owner);
    EXPECT_EQ(c->active_cr3, read_cr3()); // a kernel thread has the kernel's own CR3
    EXPECT_EQ(c->dr.stats.writes, writes);
    EXPECT_EQ(c->dr.stats.exceptions, exceptions);
    EXPECT(c->lapic_ticks <= ticks + 1); // one tick may have been pending
    EXPECT_EQ(runqueues[victim].stats.switches, before.switches);
    EXPECT_EQ(bp_count(event), count);
}

static void one_round(struct perf_event *event, u32 n, u64 round)
{
    u64 delay = round % 4 * MS;
    fired = false;
    EXPECT(smp_call(victim, arm_here, &delay));
    EXPECT_EQ(cpu_offline(victim), 0);
    expect_at_rest(event, round);
    EXPECT_EQ(sched_set_affinity(workers[round % n].task, BIT(victim)), -EINVAL);
    EXPECT_EQ(cpu_online_again(victim), 0);
    EXPECT(cpu_is_online(victim));

    // One task is bound to this CPU. It is still bound when the CPU goes offline next, and must be
    // moved then.
    struct worker *w = &workers[round % n];
    u64 there = w->there;
    EXPECT_EQ(sched_set_affinity(w->task, BIT(victim)), 0);
    EXPECT_EQ(sched_set_affinity(workers[(round + 1) % n].task, CPUMASK_ALL), 0);
    for (u64 end = clock_ns() + PATIENCE; (!fired || w->there == there) && clock_ns() < end;)
        schedule();
    EXPECT(fired && w->there > there);
    timer_stop(&timer);
}

KTEST_HWBP(hotplug_storm, "hotplug-storm", "exact")
{
    if (nr_cpus < 2) {
        ktest_skip("needs two CPUs");
        return;
    }
    u32 n = MIN(2 * nr_cpus, (u32)MAX_WORKERS);
    u64 rounds = ktest_scale(200), accesses = 0, there = 0;
    struct perf_event_attr attr = bp_attr(&everywhere, HW_BREAKPOINT_W, 8);
    struct task *others[3];
    victim = nr_cpus - 1;
    go = stop = false;
    naps = too_early = pings = pongs = 0;
    wait_init(&ping);
    wait_init(&pong);
    memset(workers, 0, sizeof(workers));
    struct hwbp_wide *wide = hwbp_register_wide(&attr, NULL, NULL);
    struct perf_event *event = bp_open_cpu(&on_cpu, HW_BREAKPOINT_W, 8, victim);
    EXPECT(!IS_ERR(wide) && !IS_ERR(event));
    for (u32 i = 0; i < n; i++)
        workers[i].task = kthread_create("worker", work, &workers[i], CPUMASK_ALL);
    others[0] = kthread_create("napper", napper, NULL, BIT(victim));
    others[1] = kthread_create("pinger", pinger, NULL, BIT(victim));
    others[2] = kthread_create("ponger", ponger, NULL, CPUMASK_ALL);

    go = true;
    for (u64 round = 0; round < rounds; round++)
        one_round(event, n, round);
    stop = true;

    for (u32 i = 0; i < ARRAY_SIZE(others); i++) {
        task_join(others[i]);
        task_put(others[i]);
    }
    for (u32 i = 0; i < n; i++) {
        struct worker *w = &workers[i];
        task_join(w->task);
        task_put(w->task);
        EXPECT_EQ(w->error, 0);
        for (u32 k = 0; k < TASK_EVENTS; k++)
            EXPECT_EQ(w->hits[k], w->accesses);
        accesses += w->accesses;
        there += w->there;
    }
    EXPECT_EQ(hwbp_wide_count(wide), accesses);
    EXPECT_EQ(bp_close(event), there);
    hwbp_unregister_wide(wide);
    EXPECT(there > 0 && naps > 0 && pongs >= pings);
    EXPECT_EQ(too_early, 0);
    ktest_note("%lu rounds: %lu accesses, %lu on CPU %u; %lu naps, %lu pings", rounds, accesses,
               there, victim, naps, pings);
}

// ---- many tasks that switch CPUs off and on at once ----

static void switcher(void *arg)
{
    u64 seed = (u64)arg;
    for (u64 i = ktest_scale(200); i; i--) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        u32 cpu = 1 + (seed >> 33) % (nr_cpus - 1);
        EXPECT_EQ(seed >> 63 ? cpu_offline(cpu) : cpu_online_again(cpu), 0);
    }
}

KTEST_HWBP(hotplug_race, "hotplug-race", NULL)
{
    if (nr_cpus < 2) {
        ktest_skip("needs two CPUs");
        return;
    }
    struct task *switchers[3];
    u32 n = 2;
    go = true;
    stop = false;
    victim = MAX_CPUS;
    memset(workers, 0, sizeof(workers));
    for (u32 i = 0; i < n; i++)
        workers[i].task = kthread_create("worker", work, &workers[i], CPUMASK_ALL);
    for (u64 i = 0; i < ARRAY_SIZE(switchers); i++)
        switchers[i] = kthread_create("switcher", switcher, (void *)(i + 1), CPUMASK_ALL);
    for (u32 i = 0; i < ARRAY_SIZE(switchers); i++) {
        task_join(switchers[i]);
        task_put(switchers[i]);
    }
    stop = true;
    for (u32 i = 0; i < n; i++) {
        task_join(workers[i].task);
        task_put(workers[i].task);
        for (u32 k = 0; k < TASK_EVENTS; k++)
            EXPECT_EQ(workers[i].hits[k], workers[i].accesses);
    }
    for (u32 cpu = 1; cpu < nr_cpus; cpu++)
        EXPECT_EQ(cpu_online_again(cpu), 0);
}
