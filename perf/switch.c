// What perf does when tasks come and go on a CPU: the two hooks of a switch, and the tick.
#include "perf/context.h"
#include "perf/record.h"
#include "perf/sample.h"
#include "perf/wakeup.h"
#include "sched/upcalls.h"

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
    perf_sw_event(PERF_COUNT_SW_CONTEXT_SWITCHES, 1, NULL, 0);
    perf_record_switch(true, prev->state == TASK_RUNNABLE, next);
    if (pc->pending) // who left it may not be back here soon
        perf_work_interrupt();
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

static void settle(struct perf_cpu *pc, struct perf_event_context *entered)
{
    if (perf_somebody_waits()) {
        perf_place();
        if (entered)
            perf_turn();
    }
    perf_edit_commit();
    pc->in_switch = false;
    if (pc->leaving) {
        perf_ctx_release(pc->leaving);
        pc->leaving = NULL;
    }
    if (entered && entered->last_cpu < MAX_CPUS && entered->last_cpu != cpu_id())
        perf_sw_event(PERF_COUNT_SW_CPU_MIGRATIONS, 1, NULL, 0);
}

void perf_switch_in(struct task *prev, struct task *next)
{
    struct perf_cpu *pc = this_perf_cpu();
    struct perf_event_context *ctx = __atomic_load_n(&next->perf_ctx, __ATOMIC_ACQUIRE);
    if (ctx && ctx->dead)
        ctx = NULL;
    if (ctx)
        enter(pc, ctx);
    if (pc->in_switch)
        settle(pc, ctx);
    perf_record_switch(false, false, prev);
}

void perf_tick(void)
{
    perf_sample_tick();
    if (!perf_somebody_waits())
        return;
    perf_edit_begin();
    perf_turn();
    perf_edit_commit();
}
