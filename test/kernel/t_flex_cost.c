// The cost of a turn does not depend on how many flexible breakpoints wait, or of which kind.
#include "arch/x86/platform.h"
#include "kernel/mm/heap.h"
#include "perf/context.h"
#include "perf/pmu.h"
#include "test/kernel/bp_test.h"

#define FEW    18
#define CROWD  1000
#define TURNS  50
#define WINDOW 8 // perf/queue.c compares this many events of each queue

static volatile u64 var;

// What one turn does on this CPU.
struct cost {
    u64 looks, moves; // groups looked at; events put into or taken out of registers
};

static struct cost one_turn(void)
{
    struct perf_cpu *pc = this_perf_cpu();
    const struct dr_stats *stats = &this_cpu()->dr.stats;
    struct perf_event_context *ctx = pc->task_ctx ? pc->task_ctx : &pc->ctx;
    u64 rotations = pc->rotations, looks = pc->looks, moves = stats->installs + stats->evictions;
    perf_edit_begin();
    ctx->turned_at -= NS_PER_SEC / HZ; // the turn has lasted long enough now
    perf_turn();
    perf_edit_commit();
    EXPECT_EQ(pc->rotations, rotations + 1);
    return (struct cost){pc->looks - looks, stats->installs + stats->evictions - moves};
}

// The most work that one of several turns has done.
static struct cost most_of_turns(void)
{
    struct cost most = {0};
    for (u32 i = 0; i < TURNS; i++) {
        u64 flags = irq_save();
        struct cost c = one_turn();
        irq_restore(flags);
        most.looks = MAX(most.looks, c.looks);
        most.moves = MAX(most.moves, c.moves);
    }
    return most;
}

static struct perf_event *open_one(int cpu, struct task *task, struct perf_event *leader)
{
    struct perf_event_attr attr = bp_attr(&var, HW_BREAKPOINT_W, 8);
    attr.pinned = 0;
    struct perf_request r = {.attr = &attr, .cpu = cpu, .task = task, .leader = leader};
    return perf_event_create(&r);
}

// Flexible events of this CPU; of the running task; of the task, but two of three only on another
// CPU; pairs and single events in alternation.
enum kind { OF_CPU, OF_TASK, ELSEWHERE, PAIRS };

static struct cost cost_of(enum kind kind, u32 n)
{
    struct perf_event **event = kalloc(n * sizeof(*event));
    struct task *task = kind == OF_CPU ? NULL : current_task();
    for (u32 i = 0; i < n; i++) {
        int cpu = kind == OF_CPU ? (int)cpu_id() : kind == ELSEWHERE && i % 3 ? 1 : -1;
        event[i] = open_one(cpu, task, kind == PAIRS && i % 3 == 1 ? event[i - 1] : NULL);
        EXPECT(!IS_ERR(event[i]));
    }
    struct cost cost = most_of_turns();
    for (u32 i = 0; i < n; i++)
        perf_event_release_kernel(event[i]);
    kfree(event);
    return cost;
}

// At most one look through each queue for each register, and each register changes hands once.
static void bound(enum kind kind, u64 queues)
{
    const u32 sizes[] = {FEW, ktest_scale(CROWD)};
    for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct cost c = cost_of(kind, sizes[i]);
        EXPECT(c.looks > 0);
        EXPECT(c.looks <= HBP_NUM * queues * WINDOW);
        EXPECT_EQ(c.moves, 2 * HBP_NUM);
    }
}

// The number of a task's events is limited, but its CPU may have others. The test only sets the
// number, because to open so many events takes minutes in Bochs.
KTEST_HWBP(task_events, "events-of-a-task", "exact")
{
    struct perf_event *event = open_one(-1, current_task(), NULL), *second, *of_cpu;
    u32 *count = &event->ctx->nr_events;
    *count += PERF_TASK_EVENTS - 1;
    EXPECT_EQ(PTR_ERR(open_one(-1, current_task(), NULL)), -EMFILE);
    of_cpu = open_one(0, NULL, NULL);
    EXPECT(!IS_ERR(of_cpu));
    perf_event_release_kernel(of_cpu);
    perf_event_release_kernel(event);
    second = open_one(-1, current_task(), NULL);
    EXPECT(!IS_ERR(second));
    EXPECT_EQ(*count, PERF_TASK_EVENTS);
    *count -= PERF_TASK_EVENTS - 1;
    perf_event_release_kernel(second);
}

KTEST_HWBP(flex_cost, "flex-turn-cost", "exact")
{
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(0)), 0);
    bound(OF_CPU, 1);
    bound(OF_TASK, 1);
    bound(PAIRS, 2);
    if (nr_cpus > 1)
        bound(ELSEWHERE, 2);
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}
