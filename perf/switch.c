// Contexts come to a CPU and leave it: a task's context by the two hooks of a switch, a CPU's
// context when the CPU goes online or offline.
#include "perf/context.h"
#include "perf/pmu.h"
#include "perf/upcalls.h"
#include "sched/upcalls.h"

// ---- parking: the events leave and come back as one (docs/parking.md: an example, the proof) ----

void perf_ctx_disband(struct perf_event_context *ctx)
{
    for (u32 n = 0; n < perf_registers->nr; n++) {
        struct perf_event *event = perf_registers->owner(ctx, n);
        if (!event)
            continue;
        perf_update_times(event);
        event->state = PERF_INACTIVE;
        if (!ctx->dead && event->leader == event) // the dead wait for nothing
            perf_file_out(event);
    }
    ctx->nr_limited = 0;
    ctx->exclusive = false;
    ctx->parked = false;
    ctx->waits = true;
}

// Only on the same CPU: elsewhere, events that are bound to one CPU differ. An exclusive group of
// one context shares with nobody of the other.
static bool may_come_back(const struct perf_event_context *ctx)
{
    const struct perf_event_context *cpu = &this_perf_cpu()->ctx;
    return ctx->last_cpu == cpu_id() && !cpu->exclusive && !(ctx->exclusive && cpu->nr_limited);
}

static void unpark(struct perf_event_context *ctx)
{
    if (may_come_back(ctx) && perf_registers->unpark(ctx))
        ctx->parked = false;
    else
        perf_ctx_disband(ctx);
}

// ---- a context comes and leaves ----

void perf_ctx_in(struct perf_event_context *ctx)
{
    spin_lock(&ctx->lock);
    if (ctx->parked)
        unpark(ctx);
    if (ctx->last_cpu != cpu_id())
        ctx->waits = true;
    ctx->active_cpu = cpu_id();
    ctx->running = true;
    ctx->since = this_perf_cpu()->edit_ns;
    spin_unlock(&ctx->lock);
}

void perf_ctx_out(struct perf_event_context *ctx)
{
    spin_lock(&ctx->lock);
    if (ctx->task && ctx->nr_limited && list_empty(&ctx->loose) && !ctx->waits) {
        perf_registers->park(ctx);
        ctx->parked = true;
    } else {
        perf_all_out(ctx);
    }
    ctx->time = perf_ctx_now(ctx);
    ctx->running = false;
    ctx->last_cpu = cpu_id();
    spin_unlock(&ctx->lock);
}

void perf_ctx_release(struct perf_event_context *ctx)
{
    __atomic_store_n(&ctx->active_cpu, -1, __ATOMIC_RELEASE);
}

// ---- the switch ----

// Opens the edits of this switch, unless they are open already.
static void switch_begin(struct perf_cpu *pc)
{
    if (!pc->in_switch) {
        pc->in_switch = true;
        perf_edit_begin();
    }
}

void perf_switch_out(struct task *prev, struct task *next)
{
    struct perf_cpu *pc = this_perf_cpu();
    perf_task_leaves(prev, next);
    if (!pc->task_ctx)
        return;
    switch_begin(pc);
    perf_ctx_out(pc->task_ctx);
    pc->leaving = pc->task_ctx;
    pc->task_ctx = NULL;
}

static void enter(struct perf_cpu *pc, struct perf_event_context *ctx)
{
    switch_begin(pc);
    perf_ctx_in(ctx);
    pc->task_ctx = ctx;
}

static void settle(struct perf_cpu *pc)
{
    if (perf_somebody_waits()) {
        perf_place();
        perf_turn();
    }
    perf_edit_commit();
    pc->in_switch = false;
    if (pc->leaving) {
        perf_ctx_release(pc->leaving);
        pc->leaving = NULL;
    }
}

void perf_switch_in(struct task *prev, struct task *next)
{
    struct perf_cpu *pc = this_perf_cpu();
    struct perf_event_context *ctx = __atomic_load_n(&next->perf_ctx, __ATOMIC_SEQ_CST); // C7
    if (ctx && ctx->dead)
        ctx = NULL;
    if (ctx)
        enter(pc, ctx);
    if (pc->in_switch)
        settle(pc);
    perf_task_arrived(prev);
}

// ---- the end of a task ----

void perf_task_ends(struct task *t)
{
    struct perf_event_context *ctx = t->perf_ctx;
    ASSERT(t == current_task());
    if (!ctx && __atomic_compare_exchange_n(&t->perf_ctx, &ctx, &perf_ended, false,
                                            __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return;
    if (ctx->dead)
        return;
    u64 flags = irq_save();
    struct perf_cpu *pc = this_perf_cpu();
    spin_lock(&ctx->lock);
    ctx->dead = true;
    spin_unlock(&ctx->lock);
    perf_edit_begin();
    perf_ctx_out(ctx); // if it has not come here yet, this changes nothing
    pc->task_ctx = NULL;
    perf_place(); // the registers that it leaves may serve waiting events of the CPU
    perf_edit_commit();
    perf_ctx_release(ctx);
    irq_restore(flags);
}

// ---- the CPU ----

void perf_cpu_start(u32 cpu)
{
    perf_edit_begin();
    perf_ctx_in(&perf_cpus[cpu].ctx);
    perf_place(); // events may have been opened before the CPU came here
    perf_edit_commit();
}

void perf_tick(void)
{
    if (!perf_somebody_waits())
        return;
    perf_edit_begin();
    perf_turn();
    perf_edit_commit();
}
