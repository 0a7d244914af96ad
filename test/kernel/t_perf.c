// The states and times of events, one by one, and the life of a task's context.
#include "arch/x86/smp.h"
#include "kernel/mm/heap.h"
#include "sched/upcalls.h"
#include "test/kernel/perf_test.h"

volatile u64 perf_var;
struct perf_event *event[MANY];

static volatile bool done;

static void never_runs(void *)
{
}

// ---- one event, one group ----

// A sibling waits with its leader only while the leader is enabled.
KTEST_HWBP(perf_times, "perf-times", "exact")
{
    event[0] = open_off(FLEXIBLE, -1, current_task(), NULL);
    event[1] = open_off(FLEXIBLE, -1, current_task(), event[0]);
    u64 flags = hold();
    enable(1);
    pass(7 * TICK);
    expect_times(event[1], 0, 0);
    enable(0);
    EXPECT_EQ(who_runs(2), 0b11);
    pass(3 * TICK);
    disable(0);
    EXPECT_EQ(who_runs(2), 0);
    pass(5 * TICK);
    enable(0);
    pass(2 * TICK);
    expect_times(event[0], 5, 5);
    expect_times(event[1], 5, 5);
    disable(1);
    EXPECT_EQ(who_runs(2), 0b01);
    pass(TICK);
    expect_times(event[0], 6, 6);
    expect_times(event[1], 5, 5);
    go_on(flags);
    perf_event_release_kernel(event[1]);
    perf_event_release_kernel(event[0]);
}

// A reader on another CPU can have a later clock than an edit that has begun. The times that it has
// read do not go back.
KTEST_HWBP(perf_ahead, "perf-times-ahead", NULL)
{
    open_many(0, 1, FLEXIBLE, -1, current_task());
    u64 flags = hold();
    enable(0);
    pass(5 * TICK); // as the reader sees it
    expect_times(event[0], 5, 5);
    this_perf_cpu()->edit_ns -= 2 * TICK; // as the edit sees it
    expect_times(event[0], 5, 5);
    pass(3 * TICK);
    expect_times(event[0], 6, 6);
    go_on(flags);
    close_many(1);
}

// What waits is enabled and does not run.
KTEST_HWBP(perf_waits, "perf-times-waiting", "exact")
{
    open_many(0, 5, FLEXIBLE, -1, current_task());
    u64 flags = hold();
    enable_all(5);
    pass(3 * TICK);
    expect_times(event[0], 3, 3);
    expect_times(event[4], 3, 0);
    disable(0);
    pass(2 * TICK);
    expect_times(event[0], 3, 3);
    expect_times(event[4], 5, 2);
    go_on(flags);
    close_many(5);
}

// A hit counts where the event is ACTIVE and its context runs, in the modes that it asks for.
KTEST_HWBP(perf_hit, "perf-hit", NULL)
{
    struct perf_event *e = event[0] = open_off(PINNED, -1, current_task(), NULL);
    u64 flags = hold();
    EXPECT(!perf_event_count(e, 1, NULL, 0));
    enable(0);
    EXPECT(perf_event_count(e, 2, NULL, 0));
    EXPECT_EQ(e->count, 2);
    e->ctx->running = false; // as between the two hooks of a switch
    EXPECT(!perf_event_count(e, 1, NULL, 0));
    e->ctx->running = true;
    e->stopped = true;
    EXPECT(!perf_event_count(e, 1, NULL, 0));
    enable(0);
    EXPECT(perf_event_count(e, 1, NULL, 0));
    e->attr.exclude_user = 1;
    EXPECT(perf_event_count(e, 1, NULL, 0));
    e->attr.exclude_kernel = 1;
    EXPECT(!perf_event_count(e, 1, NULL, 0));
    EXPECT_EQ(e->count, 4);
    go_on(flags);
    EXPECT_EQ(bp_close(e), 4);
}

// Once retired, it stays retired.
KTEST_HWBP(perf_retired, "perf-retired", NULL)
{
    open_many(0, 1, FLEXIBLE, -1, current_task());
    u64 flags = hold();
    enable(0);
    perf_set_state(event[0], PERF_EXIT);
    disable(0);
    enable(0);
    EXPECT_EQ(event[0]->state, PERF_EXIT);
    go_on(flags);
    close_many(1);
}

// An event for CPU 0 has a place there, and nowhere else.
KTEST_HWBP(perf_other_cpu, "perf-other-cpu", "exact")
{
    if (nr_cpus < 2)
        return ktest_skip("needs two CPUs");
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(nr_cpus - 1)), 0);
    open_many(0, 1, FLEXIBLE, 0, current_task());
    open_many(1, 2, FLEXIBLE, -1, current_task());
    u64 flags = hold();
    enable(0);
    EXPECT_EQ(who_runs(2), 0);
    enable(1);
    EXPECT_EQ(who_runs(2), 0b10);
    go_on(flags);
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(0)), 0);
    EXPECT_EQ(who_runs(2), 0b11);
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(nr_cpus - 1)), 0);
    EXPECT_EQ(who_runs(2), 0b10);
    close_many(2);
    go_anywhere();
}

// ---- all CPUs at once ----

static u32 here; // atomic

// Each CPU waits for the others. If they came one by one, the first would wait in vain.
static void meet(struct perf_event *e, void *)
{
    u64 end = clock_ns() + NS_PER_SEC;
    EXPECT_EQ(e->cpu, cpu_id());
    __atomic_fetch_add(&here, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&here, __ATOMIC_RELAXED) < nr_cpus && clock_ns() < end)
        cpu_pause();
    EXPECT_EQ(here, nr_cpus);
}

KTEST_HWBP(perf_all, "perf-all-at-once", NULL)
{
    struct perf_event *of[MAX_CPUS];
    here = 0;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        of[cpu] = open_off(PINNED, cpu, NULL, NULL);
    perf_ctx_run_all(of, meet, NULL);
    EXPECT_EQ(here, nr_cpus); // once each
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        perf_event_release_kernel(of[cpu]);
}

// A CPU that goes offline answers calls a little longer than its context runs. The change is not
// lost.
KTEST_HWBP(perf_all_away, "perf-all-one-away", NULL)
{
    struct perf_event *of[MAX_CPUS];
    int cpu = stay_here();
    for (u32 i = 0; i < nr_cpus; i++)
        of[i] = open_off(PINNED, i, NULL, NULL);
    u64 flags = irq_save();
    perf_edit_begin();
    perf_ctx_out(of_cpu());
    perf_edit_commit();
    perf_ctx_release(of_cpu());
    irq_restore(flags);
    perf_ctx_run_all(of, perf_set_enabled, NULL);
    flags = irq_save();
    perf_cpu_start(cpu);
    irq_restore(flags);
    for (u32 i = 0; i < nr_cpus; i++) {
        EXPECT_EQ(of[i]->state, PERF_ACTIVE);
        perf_event_release_kernel(of[i]);
    }
    go_anywhere();
}

// ---- a context that moves meanwhile ----

static volatile bool listens;

// The context seems to run here. It leaves when this CPU is called already.
static void leaves_when_called(void *arg)
{
    struct perf_event_context *ctx = arg;
    irq_disable();
    listens = true;
    while (!__atomic_load_n(&this_cpu()->call_pending, __ATOMIC_ACQUIRE))
        cpu_pause();
    ctx->active_cpu = -1;
    irq_enable();
}

KTEST_HWBP(perf_moves, "perf-moves-meanwhile", NULL)
{
    if (nr_cpus < 2)
        return ktest_skip("needs two CPUs");
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(0)), 0);
    struct task *watched = task_new("watched", never_runs, NULL, CPUMASK_ALL);
    open_many(0, 1, FLEXIBLE, -1, watched);
    watched->perf_ctx->active_cpu = 1;
    listens = false;
    struct task *t = kthread_create("leaves", leaves_when_called, watched->perf_ctx, BIT(1));
    while (!listens)
        cpu_pause();
    enable(0);
    EXPECT_EQ(event[0]->state, PERF_INACTIVE);
    task_join(t);
    task_put(t);
    close_many(1);
    task_put(watched);
    go_anywhere();
}

// ---- the life of a context ----

// A context that runs is not started again.
KTEST_HWBP(perf_start, "perf-start-once", NULL)
{
    struct perf_event *e = bp_open(&perf_var, HW_BREAKPOINT_W, 8);
    struct perf_event_context *ctx = of_task();
    u64 flags = irq_save(), since = ctx->since;
    EXPECT_EQ(ctx->active_cpu, cpu_id());
    ctx->active_cpu = -1; // as its opener may have seen it just before
    perf_ctx_start(ctx);
    EXPECT_EQ(ctx->active_cpu, -1);
    EXPECT_EQ(ctx->since, since);
    ctx->active_cpu = cpu_id();
    irq_restore(flags);
    perf_var = 1;
    EXPECT_EQ(bp_close(e), 1);
}

// Its task ends: from then on it counts nothing, and its register is free. The CPU's flexible ones
// have waited for it.
static void end_early(void *arg)
{
    struct perf_event **own = arg;
    *own = bp_open(&perf_var, HW_BREAKPOINT_W, 8);
    struct perf_event_context *ctx = of_task();
    u64 flags = irq_save();
    perf_var = 1;
    EXPECT_EQ(who_runs(4), 0b0111);
    perf_task_ends(current_task());
    EXPECT_EQ(who_runs(4), 0b1111);
    EXPECT_EQ(ctx->active_cpu, -1);
    perf_ctx_start(ctx);
    EXPECT_EQ(ctx->active_cpu, -1);
    irq_restore(flags);
    perf_task_ends(current_task()); // once more, and nothing happens
    EXPECT(irqs_enabled());
    schedule();
    perf_var = 2;
    EXPECT_EQ(ctx->active_cpu, -1);
    EXPECT_EQ((*own)->count, 1);
}

KTEST_HWBP(perf_ends, "perf-task-ends", "exact")
{
    struct perf_event *own;
    int cpu = stay_here();
    open_many(0, 4, FLEXIBLE, cpu, NULL);
    u64 flags = irq_save();
    enable_all(4);
    irq_restore(flags);
    struct task *t = kthread_create("ends", end_early, &own, BIT(cpu));
    while (!__atomic_load_n(&t->exited, __ATOMIC_ACQUIRE))
        schedule();
    task_join(t);
    EXPECT_EQ(bp_close(own), 1);
    close_many(4);
    task_put(t);
    go_anywhere();
}

// It is still there when somebody wants to open another, or the first.
static volatile bool has_ended, may_go;

static void end_and_stay(void *arg)
{
    struct perf_event **own = arg;
    if (own)
        *own = bp_open(&perf_var, HW_BREAKPOINT_W, 8);
    perf_task_ends(current_task());
    EXPECT(irqs_enabled());
    has_ended = true;
    while (!may_go)
        schedule();
}

static void open_for_ended(struct perf_event **own)
{
    struct perf_event_attr attr = bp_attr(&perf_var, HW_BREAKPOINT_W, 8);
    has_ended = may_go = false;
    struct task *t = kthread_create("has ended", end_and_stay, own, CPUMASK_ALL);
    while (!has_ended)
        schedule();
    EXPECT_EQ(PTR_ERR(perf_event_create_kernel_counter(&attr, -1, t, NULL, NULL)), -ESRCH);
    may_go = true;
    task_join(t);
    task_put(t);
}

KTEST_HWBP(perf_has_ended, "perf-task-has-ended", NULL)
{
    struct perf_event *own;
    open_for_ended(NULL);
    open_for_ended(&own);
    EXPECT_EQ(bp_close(own), 0);
}

// A task that always leaves before a tick has its turns all the same: one begins when it comes
// back, if the last one has lasted.
static void come_back(void *)
{
    open_many(0, 5, FLEXIBLE, -1, current_task());
    struct perf_event_context *ctx = of_task();
    for (u32 i = 0; i < 5; i++)
        perf_event_enable(event[i]);
    for (u32 i = 0; i < 10; i++) {
        u64 flags = irq_save();
        u32 turn = ctx->turn;
        ctx->turned_at = perf_ctx_now(ctx) - TICK;
        schedule();
        EXPECT_EQ(ctx->turn, turn + 1);
        irq_restore(flags);
    }
    close_many(5);
    done = true;
}

KTEST_HWBP(perf_back, "perf-turn-at-switch", "exact")
{
    int cpu = stay_here();
    done = false;
    struct task *t = kthread_create("back", come_back, NULL, BIT(cpu));
    while (!done)
        schedule();
    task_join(t);
    task_put(t);
    go_anywhere();
}

// ---- memory ----

static void open_both(void *)
{
    open_many(0, 1, FLEXIBLE, -1, current_task());
    open_many(1, 2, FLEXIBLE, cpu_id(), current_task());
    close_many(2);
}

static void run_to_end(void (*fn)(void *))
{
    struct task *t = kthread_create("short", fn, NULL, CPUMASK_ALL);
    task_join(t);
    task_put(t);
}

// The end of a task gives back its context, with all that came with its events.
KTEST_HWBP(perf_memory, "perf-memory", NULL)
{
    run_to_end(open_both);
    u64 before = heap_bytes;
    for (u32 i = 0; i < 5; i++)
        run_to_end(open_both);
    for (u64 end = clock_ns() + NS_PER_SEC; heap_bytes > before && clock_ns() < end;)
        schedule();               // the last references of the tasks go
    EXPECT(heap_bytes <= before); // less if a task of before was freed meanwhile
}

// ---- two openers ----

#define ROUNDS 100

static struct task *target;
static u32 begun, ended; // atomic: rounds

static void open_second(void *)
{
    for (u32 round = 1; round <= ROUNDS; round++) {
        while (__atomic_load_n(&begun, __ATOMIC_ACQUIRE) != round)
            cpu_pause();
        event[1] = open_off(FLEXIBLE, 0, target, NULL);
        __atomic_store_n(&ended, round, __ATOMIC_RELEASE);
    }
}

static void open_first(u32 round)
{
    target = task_new("target", never_runs, NULL, CPUMASK_ALL);
    __atomic_store_n(&begun, round, __ATOMIC_RELEASE);
    for (volatile u32 i = 0; i < 4 * round; i++) // each round, the other has a longer start
        ;
    event[0] = open_off(FLEXIBLE, 0, target, NULL);
    while (__atomic_load_n(&ended, __ATOMIC_ACQUIRE) != round)
        cpu_pause();
    EXPECT_EQ((u64)event[0]->ctx, (u64)target->perf_ctx);
    EXPECT_EQ((u64)event[1]->ctx, (u64)target->perf_ctx);
    EXPECT_EQ((u64)event[1]->row, (u64)event[0]->row);
    EXPECT_EQ(target->perf_ctx->nr_events, 2);
    close_many(2);
    task_put(target);
}

// Two CPUs open the first event of a task at once: both find one context, and nothing is lost.
KTEST_HWBP(perf_openers, "perf-two-openers", NULL)
{
    if (nr_cpus < 2)
        return ktest_skip("needs two CPUs");
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(0)), 0);
    begun = ended = 0;
    struct task *t = kthread_create("opener", open_second, NULL, BIT(1));
    u64 before = heap_bytes;
    for (u32 round = 1; round <= ROUNDS; round++)
        open_first(round);
    EXPECT(heap_bytes <= before); // less if a task of before was freed meanwhile
    task_join(t);
    task_put(t);
    go_anywhere();
}

// ---- requests ----

KTEST_HWBP(perf_requests, "perf-requests", NULL)
{
    static const struct {
        int cpu;
        bool task;
    } wrong[] = {{-1, false}, {-2, false}, {-2, true}, {MAX_CPUS, true}, {MAX_CPUS, false}};
    struct perf_event_attr attr = bp_attr(&perf_var, HW_BREAKPOINT_W, 8), none = {.type = 99};
    for (u32 i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct task *t = wrong[i].task ? current_task() : NULL;
        int cpu = wrong[i].cpu == MAX_CPUS ? (int)nr_cpus : wrong[i].cpu;
        EXPECT_EQ(PTR_ERR(perf_event_create_kernel_counter(&attr, cpu, t, NULL, NULL)), -EINVAL);
    }
    EXPECT_EQ(PTR_ERR(perf_event_create_kernel_counter(&none, 0, NULL, NULL, NULL)), -ENOENT);
}
