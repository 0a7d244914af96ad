// Changing an event from anywhere: the change runs on the CPU where its context runs (C1).
#include "arch/x86/smp.h"
#include "perf/context.h"
#include "perf/pmu.h"

struct change {
    struct perf_event *event;
    perf_change_fn *fn;
    void *arg;
    bool done;
};

// Sure only with IRQs off.
static inline bool runs_here(const struct perf_event *event)
{
    return __atomic_load_n(&event->ctx->active_cpu, __ATOMIC_RELAXED) == (s32)cpu_id();
}

// On the CPU where the event's context runs, IRQs off.
static inline __attribute__((always_inline)) void change_here(struct perf_event *event,
                                                              perf_change_fn *fn, void *arg)
{
    struct perf_event_context *ctx = event->ctx;
    perf_edit_begin();
    spin_lock(&ctx->lock);
    bool alone = event->leader == event && !event->nr_siblings, settled = false;
    if (likely(alone && !perf_somebody_waits())) {
        fn(event, arg);
        settled = perf_place_one(event);
    } else {
        if (!alone)
            perf_group_out(event->leader);
        fn(event, arg);
        perf_file(event->leader);
        ctx->waits = true; // a group that needs fewer registers than before may fit
    }
    spin_unlock(&ctx->lock);
    if (!settled)
        perf_place();
    perf_edit_commit();
}

// Does nothing when the context has left this CPU meanwhile. IRQs off, so it cannot leave now.
static void change_call(void *arg)
{
    struct change *c = arg;
    c->done = runs_here(c->event);
    if (c->done)
        change_here(c->event, c->fn, c->arg);
}

// The same for a context that runs nowhere, under its lock.
static void change_idle(struct perf_event *event, perf_change_fn *fn, void *arg)
{
    if (event->ctx->parked)
        perf_ctx_disband(event->ctx);
    fn(event, arg);
    perf_file(event->leader);
    event->ctx->waits = true;
}

static __attribute__((noinline)) void change_elsewhere(struct perf_event *event, perf_change_fn *fn,
                                                       void *arg)
{
    struct perf_event_context *ctx = event->ctx;
    for (;;) {
        u64 flags = spin_lock_irqsave(&ctx->lock);
        s32 cpu = __atomic_load_n(&ctx->active_cpu, __ATOMIC_ACQUIRE);
        if (cpu < 0)
            change_idle(event, fn, arg);
        spin_unlock_irqrestore(&ctx->lock, flags);
        if (cpu < 0)
            return;
        struct change c = {.event = event, .fn = fn, .arg = arg};
        smp_call(cpu, change_call, &c);
        if (c.done)
            return;
    }
}

static inline __attribute__((always_inline)) void run(struct perf_event *event, perf_change_fn *fn,
                                                      void *arg)
{
    u64 flags = irq_save();
    bool here = runs_here(event); // the usual case: one's own
    if (here)
        change_here(event, fn, arg);
    irq_restore(flags);
    if (!here)
        change_elsewhere(event, fn, arg);
}

void perf_ctx_run(struct perf_event *event, perf_change_fn *fn, void *arg)
{
    run(event, fn, arg);
}

// ---- with inherited copies ----

static inline __attribute__((always_inline)) void run_family(struct perf_event *event,
                                                             perf_change_fn *fn, void *arg)
{
    struct perf_event *child;
    run(event, fn, arg);
    list_for_each (child, &event->children, child_node)
        perf_ctx_run(child, fn, arg);
}

void perf_family_run(struct perf_event *event, perf_change_fn *fn, void *arg)
{
    mutex_lock(&perf_mutex);
    run_family(event, fn, arg);
    mutex_unlock(&perf_mutex);
}

void perf_group_run(struct perf_event *event, perf_change_fn *fn, void *arg)
{
    mutex_lock(&perf_mutex); // first: until then, the leader may leave its group and be freed
    struct perf_event *sibling, *leader = event->leader;
    run_family(leader, fn, arg);
    list_for_each (sibling, &leader->siblings, node)
        run_family(sibling, fn, arg);
    mutex_unlock(&perf_mutex);
}

struct pass {
    struct perf_event *const *event;
    perf_change_fn *fn;
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

void perf_ctx_run_all(struct perf_event *const *event, perf_change_fn *fn, void *arg)
{
    struct pass p = {.event = event, .fn = fn, .arg = arg};
    mutex_lock(&perf_mutex); // one change at a time, or the CPUs could end up different
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
    if (current_task() != ctx->task || pc->task_ctx || ctx->dead)
        return;
    perf_edit_begin();
    perf_ctx_in(ctx);
    pc->task_ctx = ctx;
    perf_place();
    perf_edit_commit();
}

void perf_ctx_start(struct perf_event_context *ctx)
{
    // A task that does not run now starts its context at the next switch-in. A running task is on
    // that CPU when the call is served, or was switched out before, and then the same holds.
    if (ctx->task && __atomic_load_n(&ctx->active_cpu, __ATOMIC_RELAXED) < 0 &&
        __atomic_load_n(&ctx->task->on_cpu, __ATOMIC_SEQ_CST)) // C7
        smp_call(__atomic_load_n(&ctx->task->cpu, __ATOMIC_RELAXED), start_here, ctx);
}
