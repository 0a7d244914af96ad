// Contexts: making them, their clock, and the states and times of their events.
#include "perf/context.h"
#include "arch/x86/platform.h"
#include "kernel/mm/heap.h"

struct perf_cpu perf_cpus[MAX_CPUS];
struct mutex perf_mutex;
struct perf_event_context perf_ended = {.dead = true};

static void ctx_init(struct perf_event_context *ctx, struct task *task)
{
    spin_init(&ctx->lock, "perf context", RANK_PERF_CTX);
    ctx->task = task;
    list_init(&ctx->pinned);
    list_init(&ctx->flexible);
    list_init(&ctx->loose);
    ctx->active_cpu = -1;
    ctx->last_cpu = MAX_CPUS;
}

void perf_init(void)
{
    mutex_init(&perf_mutex, "perf", RANK_PERF);
    for (u32 cpu = 0; cpu < MAX_CPUS; cpu++) {
        ctx_init(&perf_cpus[cpu].ctx, NULL);
        cpus[cpu].perf = &perf_cpus[cpu];
    }
}

struct perf_event_context *perf_task_context(struct task *task)
{
    struct perf_event_context *ctx = __atomic_load_n(&task->perf_ctx, __ATOMIC_ACQUIRE);
    if (!ctx) {
        ctx = kalloc(sizeof(*ctx));
        if (!ctx)
            return ERR_PTR(-ENOMEM);
        ctx_init(ctx, task);
        struct perf_event_context *first = NULL;
        if (!__atomic_compare_exchange_n(&task->perf_ctx, &first, ctx, false, __ATOMIC_SEQ_CST,
                                         __ATOMIC_ACQUIRE)) { // C7
            kfree(ctx);                                       // another opener was faster
            ctx = first;
        }
    }
    return ctx->dead ? ERR_PTR(-ESRCH) : ctx;
}

void perf_task_free(struct task *t)
{
    struct perf_event_context *ctx = t->perf_ctx;
    if (!ctx || ctx == &perf_ended)
        return;
    ASSERT(ctx->nr_events == 0 && ctx->active_cpu == -1);
    kfree(ctx->pmu_data);
    kfree(ctx->bound);
    kfree(ctx);
}

// ---- the clock ----

u64 perf_ctx_now(struct perf_event_context *ctx)
{
    const struct perf_cpu *pc = this_perf_cpu();
    if (!ctx->running)
        return ctx->time;
    u64 now = pc->edit_depth ? pc->edit_ns : clock_ns();
    return ctx->time + (MAX(now, ctx->since) - ctx->since);
}

// The clock for edits. All edits between one begin and its commit happen at one moment. So an event
// that is enabled and placed in one edit has equal times "enabled" and "running".
static inline u64 moment(const struct perf_event_context *ctx)
{
    ASSERT(!DEBUG_BUILD || !ctx->running || this_perf_cpu()->edit_depth > 0);
    return ctx->running ? ctx->time + (this_perf_cpu()->edit_ns - ctx->since) : ctx->time;
}

// ---- states and times ----

static inline void update_times(struct perf_event *event, u64 now)
{
    u64 passed = now - event->tstamp;
    // A reader on another CPU may have updated the times to a moment after this edit began.
    if (now <= event->tstamp)
        return;
    event->tstamp = now;
    if (event->state < PERF_INACTIVE)
        return;
    // A sibling waits with its leader only if the leader waits too.
    if (event->leader->state >= PERF_INACTIVE)
        event->total_enabled += passed;
    if (event->state == PERF_ACTIVE) {
        event->total_running += passed;
        event->served += passed;
    }
}

void perf_update_times(struct perf_event *event)
{
    update_times(event, perf_ctx_now(event->ctx));
}

static __attribute__((noinline)) void update_siblings(struct perf_event *leader, u64 now)
{
    struct perf_event *sibling;
    list_for_each (sibling, &leader->siblings, node)
        update_times(sibling, now);
}

void perf_activate(struct perf_event *event)
{
    struct perf_event_context *ctx = event->ctx;
    update_times(event, moment(ctx));
    event->state = PERF_ACTIVE;
    ctx->nr_limited += event->pmu->limited;
    if (event->is_loose)
        list_add(&event->loose_node, perf_samples(event) ? &ctx->loose : ctx->loose.prev);
}

static void leave(struct perf_event *event)
{
    struct perf_event_context *ctx = event->ctx;
    ASSERT(!ctx->parked);
    if (event->pmu->read)
        event->pmu->read(event);
    event->pmu->del(event);
    ctx->nr_limited -= event->pmu->limited;
    ctx->exclusive = ctx->exclusive && ctx->nr_limited;
    if (event->is_loose)
        list_del(&event->loose_node);
}

void perf_set_state(struct perf_event *event, enum perf_state state)
{
    u64 now = moment(event->ctx);
    ASSERT(state != PERF_ACTIVE);
    if (unlikely(event->nr_siblings)) // a leader's
        update_siblings(event, now);
    update_times(event, now);
    if (event->state == PERF_ACTIVE)
        leave(event);
    if (state == PERF_INACTIVE)
        event->ctx->waits = true;
    event->state = state;
}
