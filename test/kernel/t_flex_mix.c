// Flexible and pinned breakpoints, of tasks and of CPUs, while tasks move between CPUs: what must
// hold at every moment, and exact times.
#include "arch/x86/platform.h"
#include "arch/x86/smp.h"
#include "perf/context.h"
#include "test/kernel/bp_test.h"

#define TASKS      6
#define TASK_FLEX  4
#define CPU_FLEX   4
#define TIMED      12
#define SIDE_TURNS 30

static volatile u64 own[2], of_cpu, rest[TIMED] __aligned(64);
static volatile bool go, stop;

static struct perf_event *open_at(const volatile void *addr, bool pinned, int cpu,
                                  struct task *task, struct perf_event *leader)
{
    struct perf_event_attr attr = bp_attr(addr, HW_BREAKPOINT_W, 8);
    attr.pinned = pinned;
    struct perf_request r = {.attr = &attr, .cpu = cpu, .task = task, .leader = leader};
    return perf_event_create(&r);
}

// ---- what must hold on a CPU at every moment ----

static u32 waiting_in(struct perf_event_context *ctx)
{
    struct perf_event *leader;
    u32 n = 0;
    list_for_each (leader, &ctx->flexible, node)
        n += leader->state == PERF_INACTIVE && (leader->cpu < 0 || (u32)leader->cpu == cpu_id());
    return n;
}

static u32 out_of_place(struct perf_event_context *ctx)
{
    struct perf_event *leader;
    u32 n = 0;
    list_for_each (leader, &ctx->pinned, node)
        n += leader->state != PERF_ACTIVE && (leader->cpu < 0 || (u32)leader->cpu == cpu_id());
    return n;
}

// Runs on the CPU that it checks, IRQs off. There are no groups, so any event that waits fits into
// any free register.
static void check_here(void *arg)
{
    struct perf_cpu *pc = this_perf_cpu();
    u32 free = 0, waiting = waiting_in(&pc->ctx), missing = out_of_place(&pc->ctx);
    for (int i = 0; i < HBP_NUM; i++)
        free += !this_cpu()->dr.live.slot[i].owner;
    if (pc->task_ctx) {
        waiting += waiting_in(pc->task_ctx);
        missing += out_of_place(pc->task_ctx);
    }
    EXPECT_EQ(missing, 0);
    EXPECT(!free || !waiting);
    *(u64 *)arg += waiting > 0;
}

struct worker {
    struct task *task;
    u64 accesses, hits[2];
    u64 on[MAX_CPUS]; // accesses made on each CPU
    long error;
};

static struct worker workers[TASKS];

static void mixed_worker(void *arg)
{
    struct worker *w = arg;
    struct perf_event *pinned[2], *flexible[TASK_FLEX];
    u32 nr_pinned = 1 + (w - workers) % 2;
    for (u32 i = 0; i < nr_pinned; i++)
        pinned[i] = open_at(&own[i], true, -1, current_task(), NULL);
    for (u32 i = 0; i < TASK_FLEX; i++) {
        flexible[i] =
            open_at(&rest[i], false, i % 2 ? (int)(i % nr_cpus) : -1, current_task(), NULL);
        if (IS_ERR(flexible[i]))
            w->error = PTR_ERR(flexible[i]);
    }
    while (!go)
        schedule();
    for (; !stop; w->accesses++) {
        preempt_disable();
        own[0] = own[1] = w->accesses;
        of_cpu = w->accesses;
        w->on[cpu_id()]++;
        preempt_enable();
        for (u32 i = 0; i < TIMED; i++)
            rest[i] = i;
        if (w->accesses % 8 == (u64)(w - workers))
            schedule();
    }
    for (u32 i = 0; i < nr_pinned; i++)
        w->hits[i] = bp_close(pinned[i]);
    for (u32 i = 0; i < TASK_FLEX; i++)
        EXPECT(bp_close(flexible[i]) <= w->accesses);
}

// Each CPU has one pinned and four flexible ones of its own. Each task has one or two pinned ones
// and four flexible ones. Two of these are bound to one CPU. Pinned ones miss nothing.
KTEST_HWBP(mix, "flex-mix-storm", "exact")
{
    struct perf_event *pinned[MAX_CPUS], *flexible[MAX_CPUS][CPU_FLEX];
    u64 wanted = ktest_scale(10000), contended = 0;
    memset(workers, 0, sizeof(workers));
    go = stop = false;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        pinned[cpu] = open_at(&of_cpu, true, cpu, NULL, NULL);
        for (u32 i = 0; i < CPU_FLEX; i++)
            flexible[cpu][i] = open_at(&rest[TIMED - 1 - i], false, cpu, NULL, NULL);
    }
    for (u32 i = 0; i < TASKS; i++)
        workers[i].task = kthread_create("mixed", mixed_worker, &workers[i], CPUMASK_ALL);
    u64 first = sched_total_switches();
    sched_storm = true;
    go = true;
    while (sched_total_switches() - first < wanted) {
        for (u32 cpu = 0; cpu < nr_cpus; cpu++)
            smp_call(cpu, check_here, &contended);
        schedule();
    }
    stop = true;
    sched_storm = false;
    u64 on[MAX_CPUS] = {0}, migrations = 0;
    for (u32 i = 0; i < TASKS; i++) {
        struct worker *w = &workers[i];
        task_join(w->task);
        EXPECT_EQ(w->error, 0);
        for (u32 k = 0; k < 1 + i % 2; k++)
            EXPECT_EQ(w->hits[k], w->accesses);
        for (u32 cpu = 0; cpu < nr_cpus; cpu++)
            on[cpu] += w->on[cpu];
        migrations += w->task->nr_migrations;
        task_put(w->task);
    }
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        EXPECT_EQ(bp_close(pinned[cpu]), on[cpu]);
        for (u32 i = 0; i < CPU_FLEX; i++)
            EXPECT(bp_close(flexible[cpu][i]) > 0);
    }
    EXPECT(contended > 0);
    ktest_note("%lu looks found an event that waits, %lu migrations", contended, migrations);
}

// ---- times ----

static void timed_task(void *arg)
{
    u64 end = clock_ns() + (u64)arg;
    while (clock_ns() < end)
        for (u32 i = 0; i < TIMED; i++)
            rest[i] = i;
}

// All twelve begin with the task, so each has been enabled for as long as the task ran. At each
// moment of that time all registers were in use. The task moves and shares its CPUs meanwhile.
KTEST_HWBP(times, "flex-times", "exact")
{
    u64 ns = 1000000000ul / HZ * SIDE_TURNS, enabled[TIMED + 1], running[TIMED + 1], sum = 0;
    struct perf_event *event[TIMED + 1];
    struct task *task = task_new("timed", timed_task, (void *)ns, CPUMASK_ALL);
    EXPECT(task);
    for (u32 i = 0; i <= TIMED; i++) {
        event[i] = open_at(&rest[i % TIMED], i == TIMED, -1, task, NULL);
        EXPECT(!IS_ERR(event[i]));
    }
    sched_storm = true;
    task_start(task);
    task_join(task);
    sched_storm = false;
    for (u32 i = 0; i <= TIMED; i++)
        perf_event_read_value(event[i], &enabled[i], &running[i]);
    for (u32 i = 0; i < TIMED; i++) {
        EXPECT_EQ(enabled[i], enabled[TIMED]);
        EXPECT(running[i] > 0);
        sum += running[i];
    }
    EXPECT(enabled[TIMED] > 0);
    EXPECT_EQ(running[TIMED], enabled[TIMED]); // the pinned one
    EXPECT_EQ(sum, 3 * enabled[TIMED]);
    for (u32 i = 0; i <= TIMED; i++)
        perf_event_release_kernel(event[i]);
    task_put(task);
}

// ---- wide ----

static void write_rest(void *)
{
    for (u32 i = 0; i < TIMED; i++)
        rest[i] = i;
}

KTEST_HWBP(wide, "flex-wide", "exact")
{
    struct hwbp_wide *wide[6];
    struct perf_event *pinned[MAX_CPUS][3];
    struct perf_event_attr attr = bp_attr(&rest[0], HW_BREAKPOINT_W, 8);
    bool all = false;
    attr.pinned = 0;
    for (u32 i = 0; i < 6; i++) {
        attr.bp_addr = (u64)&rest[i];
        wide[i] = hwbp_register_wide(&attr, NULL, NULL);
        EXPECT(!IS_ERR(wide[i]));
    }
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        for (u32 i = 0; i < 3; i++)
            EXPECT(!IS_ERR(pinned[cpu][i] = open_at(&own[0], true, cpu, NULL, NULL)));
        // the last register belongs to the flexible events
        EXPECT_EQ(PTR_ERR(open_at(&own[0], true, cpu, NULL, NULL)), -ENOSPC);
    }
    for (u64 end = clock_ns() + 5000000000ul; !all && clock_ns() < end;) {
        for (u32 cpu = 0; cpu < nr_cpus; cpu++)
            smp_call(cpu, write_rest, NULL);
        all = true;
        for (u32 i = 0; i < 6; i++)
            all = all && hwbp_wide_count(wide[i]) > 0;
        schedule();
    }
    EXPECT(all); // each has had a turn
    for (u32 i = 0; i < 6; i++)
        hwbp_unregister_wide(wide[i]);
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        for (u32 i = 0; i < 3; i++)
            perf_event_release_kernel(pinned[cpu][i]);
}

// ---- rank ----

// A pinned group reserves registers for its siblings, too: an event that is admitted beside it
// finds one.
KTEST_HWBP(pinned_group, "group-pinned", "exact")
{
    struct perf_event *member[3], *single[2];
    for (u32 i = 0; i < 3; i++)
        EXPECT(
            !IS_ERR(member[i] = open_at(&rest[i], !i, -1, current_task(), i ? member[0] : NULL)));
    single[0] = open_at(&rest[3], true, -1, current_task(), NULL);
    EXPECT(!IS_ERR(single[0]));
    single[1] = open_at(&rest[4], true, -1, current_task(), NULL);
    EXPECT_EQ(PTR_ERR(single[1]), -ENOSPC);
    write_rest(NULL);
    EXPECT_EQ(bp_close(single[0]), 1);
    perf_event_release_kernel(member[0]); // the siblings go on as flexible events
    write_rest(NULL);
    EXPECT_EQ(bp_close(member[1]), 2);
    EXPECT_EQ(bp_close(member[2]), 2);
}

// The CPU's pinned events come before the task's: an exclusive one that is enabled takes over.
KTEST_HWBP(rank, "rank-cpu-first", "exact")
{
    struct perf_event_attr attr = bp_attr(&rest[0], HW_BREAKPOINT_W, 8);
    u32 cpu = nr_cpus - 1;
    attr.exclusive = attr.disabled = 1;
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(cpu)), 0);
    struct perf_event *event = perf_event_create_kernel_counter(&attr, cpu, NULL, NULL, NULL);
    struct perf_event *task = open_at(&rest[1], true, -1, current_task(), NULL);
    EXPECT(!IS_ERR(event) && !IS_ERR(task));
    write_rest(NULL);
    perf_event_enable(event);
    write_rest(NULL);
    EXPECT_EQ(task->state, PERF_ERROR);
    EXPECT_EQ(bp_count(event), 1);
    EXPECT_EQ(bp_count(task), 1);
    perf_event_release_kernel(event);
    perf_event_enable(task);
    write_rest(NULL);
    EXPECT_EQ(bp_close(task), 2);
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}
