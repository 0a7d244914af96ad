// What the tests of perf share: events of one variable, and a clock of events that stands.
#pragma once

#include "arch/x86/platform.h"
#include "perf/context.h"
#include "perf/pmu.h"
#include "test/kernel/bp_test.h"

#define TICK (NS_PER_SEC / HZ)
#define MANY 13

extern volatile u64 perf_var;
extern struct perf_event *event[MANY]; // both in t_perf.c

enum { FLEXIBLE = 0, PINNED = 1, EXCLUSIVE = 2 }; // bits

// Disabled. On this CPU only, or (-1) wherever the task runs.
static inline struct perf_event *open_off(u32 kind, int cpu, struct task *task,
                                          struct perf_event *leader)
{
    struct perf_event_attr attr = bp_attr(&perf_var, HW_BREAKPOINT_W, 8);
    struct perf_request r = {.attr = &attr, .cpu = cpu, .task = task, .leader = leader};
    attr.disabled = 1;
    attr.pinned = kind & PINNED;
    attr.exclusive = kind / EXCLUSIVE;
    struct perf_event *e = perf_event_create(&r);
    EXPECT(!IS_ERR(e));
    return e;
}

// event[first .. end - 1]
static inline void open_many(u32 first, u32 end, u32 kind, int cpu, struct task *task)
{
    for (u32 i = first; i < end; i++)
        event[i] = open_off(kind, cpu, task, NULL);
}

static inline void close_many(u32 end)
{
    for (u32 i = 0; i < end; i++)
        perf_event_release_kernel(event[i]);
}

static inline struct perf_event_context *of_task(void)
{
    return current_task()->perf_ctx;
}

static inline struct perf_event_context *of_cpu(void)
{
    return &this_perf_cpu()->ctx;
}

// From here to go_on() this CPU takes no interrupt, and the clock of its events stands. The running
// task has events.
static inline u64 hold(void)
{
    u64 flags = irq_save();
    perf_edit_begin();
    of_task()->turned_at = perf_ctx_now(of_task());
    of_task()->turn = 0;
    return flags;
}

static inline void go_on(u64 flags)
{
    perf_edit_commit();
    irq_restore(flags);
}

static inline void pass(u64 ns)
{
    this_perf_cpu()->edit_ns += ns;
}

static inline void enable(u32 i)
{
    perf_ctx_run(event[i], perf_set_enabled, NULL);
}

static inline void enable_all(u32 end)
{
    for (u32 i = 0; i < end; i++)
        enable(i);
}

static inline void disable(u32 i)
{
    perf_ctx_run(event[i], perf_set_disabled, NULL);
}

// For tests of a CPU's events: the caller stays on one CPU, which is returned.
static inline int stay_here(void)
{
    int cpu = cpu_id();
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(cpu)), 0);
    return cpu;
}

static inline void go_anywhere(void)
{
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}

// Bit i: event[i] has a register.
static inline u32 who_runs(u32 end)
{
    u32 mask = 0;
    for (u32 i = 0; i < end; i++)
        mask |= event[i]->state == PERF_ACTIVE ? BIT(i) : 0;
    return mask;
}

static inline u32 how_many(u32 mask)
{
    u32 n = 0;
    for (; mask; mask &= mask - 1)
        n++;
    return n;
}

// The turn ends now. Who runs in the next one?
static inline u32 next_turn(u32 end)
{
    pass(TICK);
    perf_turn();
    return who_runs(end);
}

// In ticks.
static inline void expect_times(struct perf_event *e, u64 enabled, u64 running)
{
    spin_lock(&e->ctx->lock);
    perf_update_times(e);
    spin_unlock(&e->ctx->lock);
    EXPECT_EQ(e->total_enabled, enabled * TICK);
    EXPECT_EQ(e->total_running, running * TICK);
}
