// What perf does when tasks come and go on a CPU: the two hooks of a switch, the tick, the end of a
// task.
#include "perf/context.h"
#include "perf/pmu.h"
#include "sched/upcalls.h"

void perf_ctx_release(struct perf_event_context *ctx)
{
    spin_lock(&ctx->lock);
    ctx->active_cpu = -1;
    spin_unlock(&ctx->lock);
}

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
    (void)prev;
    (void)next;
    struct perf_cpu *pc = this_perf_cpu();
    if (!pc->task_ctx)
        return;
    switch_begin(pc);
    perf_ctx_out(pc->task_ctx);
    pc->leaving = pc->task_ctx;
    pc->task_ctx = NULL;
}

void perf_switch_in(struct task *prev, struct task *next)
{
    (void)prev;
    struct perf_cpu *pc = this_perf_cpu();
    struct perf_event_context *ctx = __atomic_load_n(&next->perf_ctx, __ATOMIC_ACQUIRE);
    if (ctx && !ctx->dead) {
        switch_begin(pc);
        perf_ctx_in(ctx);
        pc->task_ctx = ctx;
    }
    if (!pc->in_switch)
        return;
    perf_place();
    perf_edit_commit();
    pc->in_switch = false;
    if (pc->leaving) {
        perf_ctx_release(pc->leaving);
        pc->leaving = NULL;
    }
}

void perf_tick(void)
{
    if (!this_perf_cpu()->waiting)
        return;
    perf_edit_begin();
    perf_rotate();
    perf_edit_commit();
}

void perf_exit_task(struct task *t)
{
    struct perf_event_context *ctx = t->perf_ctx;
    ASSERT(t == current_task());
    if (!ctx)
        return;
    u64 flags = irq_save();
    struct perf_cpu *pc = this_perf_cpu();
    spin_lock(&ctx->lock);
    ctx->dead = true;
    spin_unlock(&ctx->lock);
    if (pc->task_ctx == ctx) {
        perf_edit_begin();
        perf_ctx_out(ctx);
        pc->task_ctx = NULL;
        perf_place(); // registers it leaves may serve waiting events of the CPU
        perf_edit_commit();
        perf_ctx_release(ctx);
    }
    irq_restore(flags);
    perf_flush_task(t);
}

void perf_exec(struct task *t)
{
    ASSERT(t == current_task());
    if (t->perf_ctx)
        perf_flush_task(t);
}
