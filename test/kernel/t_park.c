// Parked contexts. A task's breakpoints count the same whether they come back together or one by
// one. Changes while the task is away do not disturb that.
#include "arch/x86/platform.h"
#include "perf/context.h"
#include "test/kernel/bp_test.h"

#define WORDS  4
#define WRITES 10 // to each word at each turn of the worker

#define PATIENCE 5000000000ul // what must happen soon has this long, on a slow emulator too

static volatile u64 word[WORDS + 1] __aligned(64); // the last one is a new address for modify
static volatile u32 turn;                          // odd: the worker's turn
static volatile bool stop;

static void work(void *)
{
    while (!stop) {
        if (turn & 1) {
            for (u32 i = 0; i < WRITES * ARRAY_SIZE(word); i++)
                word[i % ARRAY_SIZE(word)] = i;
            turn++;
        }
        schedule();
    }
}

// The worker writes to each word, and waits again.
static void let_work(void)
{
    turn++;
    while (turn & 1)
        schedule();
}

static struct task *start_worker(void)
{
    u32 cpu = nr_cpus - 1;
    stop = false;
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(cpu)), 0);
    return kthread_create("worker", work, NULL, BIT(cpu));
}

static void end_worker(struct task *t)
{
    stop = true;
    task_join(t);
    task_put(t);
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}

static struct perf_event *watch(struct task *t, u32 i, int cpu)
{
    struct perf_event_attr attr = bp_attr(&word[i], HW_BREAKPOINT_W, 8);
    return perf_event_create_kernel_counter(&attr, cpu, t, NULL, NULL);
}

KTEST_HWBP(park_change, "park-change", NULL)
{
    struct task *t = start_worker();
    struct perf_event *event[3];
    u64 enabled, running;
    for (u32 i = 0; i < ARRAY_SIZE(event); i++) {
        event[i] = watch(t, i, -1);
        EXPECT(!IS_ERR(event[i]));
    }
    const struct perf_event_context *ctx = t->perf_ctx;
    let_work();
    let_work();
    EXPECT(ctx->parked);
    for (u32 i = 0; i < WORDS; i++)
        word[i] = i; // a write of this task, which must not count
    EXPECT_EQ(perf_event_read_value(event[0], &enabled, &running), 2 * WRITES);
    EXPECT(enabled > 0);
    EXPECT_EQ(running, enabled);
    EXPECT(ctx->parked); // reading does not end the parking

    perf_event_disable(event[0]);
    EXPECT(!ctx->parked);
    let_work();
    EXPECT_EQ(bp_count(event[0]), 2 * WRITES);
    EXPECT_EQ(bp_count(event[1]), 3 * WRITES);
    EXPECT(ctx->parked);
    EXPECT_EQ(hwbp_modify(event[1], (u64)&word[WORDS], HW_BREAKPOINT_W, 8), 0);
    word[1] = 0;
    let_work();
    EXPECT_EQ(bp_count(event[1]), 4 * WRITES);
    EXPECT_EQ(bp_close(event[2]), 4 * WRITES); // while it is parked
    perf_event_enable(event[0]);
    let_work();
    EXPECT_EQ(bp_close(event[0]), 3 * WRITES);
    perf_event_read_value(event[1], &enabled, &running);
    EXPECT_EQ(running, enabled); // it had its register whenever the worker ran
    EXPECT_EQ(bp_close(event[1]), 5 * WRITES);
    EXPECT(!ctx->parked);
    end_worker(t);
}

// While the worker waits, the CPU's flexible events take all registers.
KTEST_HWBP(park_taken, "park-taken", "exact")
{
    struct task *t = start_worker();
    struct perf_event *event[3], *of_cpu[4];
    for (u32 i = 0; i < ARRAY_SIZE(event); i++)
        event[i] = watch(t, i, -1);
    let_work();
    EXPECT(t->perf_ctx->parked);
    for (u32 i = 0; i < ARRAY_SIZE(of_cpu); i++) {
        struct perf_event_attr attr = bp_attr(&word[i], HW_BREAKPOINT_W, 8);
        attr.pinned = 0;
        of_cpu[i] = perf_event_create_kernel_counter(&attr, nr_cpus - 1, NULL, NULL, NULL);
        EXPECT(!IS_ERR(of_cpu[i]));
        EXPECT_EQ(of_cpu[i]->state, PERF_ACTIVE);
    }
    for (u32 n = 2; n <= 5; n++) {
        let_work();
        for (u32 i = 0; i < ARRAY_SIZE(event); i++)
            EXPECT_EQ(bp_count(event[i]), n * WRITES);
        for (u32 i = 0; i < ARRAY_SIZE(of_cpu); i++)
            EXPECT_EQ(of_cpu[i]->state, PERF_ACTIVE); // they have the registers again
    }
    for (u32 i = 0; i < ARRAY_SIZE(of_cpu); i++)
        perf_event_release_kernel(of_cpu[i]);
    let_work();
    let_work();
    EXPECT(t->perf_ctx->parked);
    for (u32 i = 0; i < ARRAY_SIZE(event); i++)
        EXPECT_EQ(bp_close(event[i]), 7 * WRITES);
    end_worker(t);
}

// The worker comes back on another CPU each time. One of its breakpoints is for CPU 0 only.
KTEST_HWBP(park_moves, "park-moves", NULL)
{
    struct task *t = start_worker();
    struct perf_event *event[4];
    u64 on_cpu_0 = 0;
    for (u32 i = 0; i < ARRAY_SIZE(event); i++)
        event[i] = watch(t, i, i ? -1 : 0);
    for (u32 n = 1; n <= 20; n++) {
        EXPECT_EQ(sched_set_affinity(t, BIT(n % nr_cpus)), 0);
        let_work();
        on_cpu_0 += n % nr_cpus ? 0 : WRITES;
        EXPECT_EQ(bp_count(event[0]), on_cpu_0);
        for (u32 i = 1; i < ARRAY_SIZE(event); i++)
            EXPECT_EQ(bp_count(event[i]), n * WRITES);
    }
    for (u32 i = 0; i < ARRAY_SIZE(event); i++)
        perf_event_release_kernel(event[i]);
    end_worker(t);
}

// An exclusive one of the worker or of the CPU, parked or not, never shares the registers with one
// of the other.
static struct perf_event *pair[2];
static u32 met, alone[2]; // how often the worker found both in registers, and only this one

static void look(void *)
{
    while (!stop) {
        u64 flags = irq_save();
        bool first = pair[0]->state == PERF_ACTIVE, second = pair[1]->state == PERF_ACTIVE;
        met += first && second;
        alone[0] += first && !second;
        alone[1] += second && !first;
        irq_restore(flags);
        schedule();
    }
}

static struct perf_event *watch_flexible(struct task *t, int cpu, bool exclusive)
{
    struct perf_event_attr attr = bp_attr(&word[0], HW_BREAKPOINT_W, 8);
    attr.pinned = 0;
    attr.exclusive = exclusive;
    return perf_event_create_kernel_counter(&attr, cpu, t, NULL, NULL);
}

static void park_pair(bool exclusive_task)
{
    u32 cpu = nr_cpus - 1;
    stop = false;
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(cpu)), 0);
    struct task *t = task_new("looks", look, NULL, BIT(cpu));
    pair[0] = pair[1] = watch_flexible(t, -1, exclusive_task);
    task_start(t);
    while (!t->perf_ctx->parked)
        schedule();
    pair[1] = watch_flexible(NULL, cpu, !exclusive_task);
    EXPECT_EQ(pair[1]->state, PERF_ACTIVE); // the worker is away
    met = alone[0] = alone[1] = 0;
    u64 until = clock_ns() + PATIENCE;
    while ((alone[0] < 10 || alone[1] < 10) && !met && clock_ns() < until)
        schedule();
    EXPECT_EQ(met, 0);
    EXPECT(alone[0] >= 10 && alone[1] >= 10); // both have their turns
    end_worker(t);
    perf_event_release_kernel(pair[0]);
    perf_event_release_kernel(pair[1]);
}

KTEST_HWBP(park_exclusive, "park-exclusive", "exact")
{
    park_pair(true);
    park_pair(false);
}
