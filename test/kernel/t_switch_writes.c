// How many debug registers a switch writes: none when nothing changes, and at most the number of
// changed addresses plus two.
#include "sched/runqueue.h"
#include "test/kernel/bp_test.h"

static volatile u64 common[4] __aligned(32), other[4] __aligned(32);
static volatile bool stop;

struct player {
    u32 id, watches;
    volatile u64 *where;
    volatile bool ready;
};

static void player(void *arg)
{
    struct player *p = arg;
    struct perf_event *event[4];
    for (u32 i = 0; i < p->watches; i++)
        event[i] = bp_open(&p->where[i], HW_BREAKPOINT_W, 8);
    p->ready = true;
    while (!stop)
        schedule();
    for (u32 i = 0; i < p->watches; i++)
        perf_event_release_kernel(event[i]);
}

// Lets two tasks alternate on one CPU and reports the writes per round of two switches, times 100.
static u64 measure(u32 cpu, u32 a, volatile u64 *a_where, u32 b, volatile u64 *b_where, u64 rounds)
{
    struct player players[2] = {{0, a, a_where, false}, {1, b, b_where, false}};
    struct task *task[2];
    stop = false;
    for (int i = 0; i < 2; i++)
        task[i] = kthread_create("player", player, &players[i], BIT(cpu));
    while (!players[0].ready || !players[1].ready)
        schedule();
    u64 target = runqueues[cpu].stats.switches + 100, first, writes;
    while (runqueues[cpu].stats.switches < target)
        schedule();
    first = runqueues[cpu].stats.switches;
    writes = cpus[cpu].dr.stats.writes;
    while (runqueues[cpu].stats.switches < first + 2 * rounds)
        schedule();
    u64 switches = runqueues[cpu].stats.switches - first;
    writes = cpus[cpu].dr.stats.writes - writes;
    stop = true;
    for (int i = 0; i < 2; i++) {
        task_join(task[i]);
        task_put(task[i]);
    }
    return writes * 200 / switches;
}

KTEST_HWBP(switch_writes, "switch-writes", "exact")
{
    if (nr_cpus < 2) {
        ktest_skip("needs a CPU on which only the two tasks run");
        return;
    }
    u32 cpu = nr_cpus - 1;
    u64 rounds = ktest_scale(2000);
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(0)), 0);
    u64 none = measure(cpu, 0, NULL, 0, NULL, rounds);
    u64 leave = measure(cpu, 4, common, 0, NULL, rounds);
    u64 same = measure(cpu, 4, common, 4, common, rounds);
    u64 differ = measure(cpu, 4, common, 4, other, rounds);
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
    ktest_note("writes per 100 rounds: 0/0 %lu, 4/0 %lu, 4/4 equal %lu, 4/4 different %lu", none,
               leave, same, differ);
    EXPECT_EQ(none, 0);
    EXPECT_EQ(same, 0);
    EXPECT(leave <= 200);   // DR7 off, DR7 on: the addresses are still there
    EXPECT(differ <= 1200); // each switch: DR7 off, four addresses, DR7 on
    EXPECT(differ >= 1100); // and the two tasks really alternate
}
