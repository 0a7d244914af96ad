// Changing an event from anywhere: the change runs on the CPU where its context runs (C1).
#include "arch/x86/smp.h"
#include "perf/context.h"
#include "perf/pmu.h"

struct change {
    struct perf_event *event;
    int (*fn)(struct perf_event *event, void *arg);
    void *arg;
    bool done;
    int result;
};

static bool is_alone(const struct perf_event *event)
{
    return event->leader == event && !event->nr_siblings;
}

// On the context's own CPU, IRQs off. Not done when the context has moved on meanwhile.
static inline __attribute__((always_inline)) void change_here(struct change *c)
{
    struct perf_event *event = c->event;
    struct perf_event_context *ctx = event->ctx;
    bool settled = false;

    perf_edit_begin();
    spin_lock(&ctx->lock);
    if (ctx->active_cpu == (s32)cpu_id()) {
        bool alone = is_alone(event), simple = alone && !perf_somebody_waits();
        if (!alone)
            perf_group_out(event->leader);
        c->result = c->fn(event, c->arg);
        c->done = true;
        settled = simple && perf_place_one(event);
    }
    spin_unlock(&ctx->lock);
    if (!settled && perf_somebody_waits())
        perf_place();
    perf_edit_commit();
}

static void change_call(void *arg)
{
    change_here(arg);
}

// The same for a context that runs nowhere, under its lock.
static void change_idle(struct change *c)
{
    perf_ctx_disband(c->event->ctx);
    c->result = c->fn(c->event, c->arg);
    c->done = true;
}

static int change_elsewhere(struct change *c)
{
    struct perf_event_context *ctx = c->event->ctx;
    while (!c->done) {
        u64 flags = spin_lock_irqsave(&ctx->lock);
        s32 cpu = __atomic_load_n(&ctx->active_cpu, __ATOMIC_ACQUIRE);
        if (cpu < 0)
            change_idle(c);
        spin_unlock_irqrestore(&ctx->lock, flags);
        if (cpu >= 0)
            smp_call(cpu, change_call, c);
    }
    return c->result;
}

int perf_ctx_run(struct perf_event *event, int (*fn)(struct perf_event *, void *), void *arg)
{
    struct change c = {.event = event, .fn = fn, .arg = arg};
    u64 flags = irq_save(); // the usual case: one's own
    if (__atomic_load_n(&event->ctx->active_cpu, __ATOMIC_RELAXED) == (s32)cpu_id())
        change_here(&c);
    irq_restore(flags);
    return c.done ? c.result : change_elsewhere(&c);
}

static bool is_locked(const struct perf_event_context *ctx)
{
    return ctx && __atomic_load_n(&ctx->lock.locked, __ATOMIC_RELAXED);
}

bool perf_ctx_run_stopped(struct perf_event *event, int (*fn)(struct perf_event *, void *),
                          void *arg)
{
    struct perf_cpu *pc = this_perf_cpu();
    struct change c = {.event = event, .fn = fn, .arg = arg};
    if (pc->edit_depth || pc->in_switch || is_locked(&pc->ctx) || is_locked(pc->task_ctx))
        return false;
    if (pc->ctx.active_cpu < 0) // the CPU is offline
        change_idle(&c);
    else
        change_call(&c);
    return true;
}

struct pass {
    struct perf_event *const *event;
    int (*fn)(struct perf_event *event, void *arg);
    void *arg;
    cpumask done; // atomic
};

static void pass_here(void *arg)
{
    struct pass *p = arg;
    struct change c = {.event = p->event[cpu_id()], .fn = p->fn, .arg = p->arg};
    change_call(&c);
    if (c.done)
        __atomic_fetch_or(&p->done, BIT(cpu_id()), __ATOMIC_RELAXED);
}

void perf_ctx_run_all(struct perf_event *const *event, int (*fn)(struct perf_event *, void *),
                      void *arg)
{
    struct pass p = {.event = event, .fn = fn, .arg = arg};
    mutex_lock(&perf_mutex); // two passes that mixed would leave CPUs that differ
    smp_call_all(pass_here, &p);
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        if (!(p.done & BIT(cpu))) // offline, or it came or went meanwhile
            perf_ctx_run(event[cpu], fn, arg);
    mutex_unlock(&perf_mutex);
}

static void start_here(void *arg)
{
    struct perf_event_context *ctx = arg;
    struct perf_cpu *pc = this_perf_cpu();
    if (current_task() != ctx->task || pc->task_ctx || pc->in_switch || ctx->dead)
        return;
    perf_edit_begin();
    perf_ctx_in(ctx);
    pc->task_ctx = ctx;
    perf_place();
    perf_edit_commit();
}

void perf_ctx_start(struct perf_event_context *ctx)
{
    // A task that is not running now will find its context at its next switch-in; one that runs
    // keeps its CPU until the call has been served there, or has been switched out, which is as
    // good.
    if (ctx->task && __atomic_load_n(&ctx->active_cpu, __ATOMIC_RELAXED) < 0 &&
        __atomic_load_n(&ctx->task->on_cpu, __ATOMIC_ACQUIRE))
        smp_call(__atomic_load_n(&ctx->task->cpu, __ATOMIC_RELAXED), start_here, ctx);
}
