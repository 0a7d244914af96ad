// Contexts: states and times of events, and placing them on this CPU in the order of C4.
#include "perf/context.h"
#include "arch/x86/platform.h"
#include "arch/x86/smp.h"
#include "kernel/base/errno.h"
#include "kernel/mm/heap.h"

struct perf_cpu perf_cpus[MAX_CPUS];

struct perf_cpu *this_perf_cpu(void)
{
    return &perf_cpus[cpu_id()];
}

static void ctx_init(struct perf_event_context *ctx, struct task *task)
{
    spin_init(&ctx->lock, "perf context", RANK_PERF_CTX);
    ctx->task = task;
    list_init(&ctx->pinned);
    list_init(&ctx->flexible);
    ctx->active_cpu = -1;
}

static void barrier_call(void *arg)
{
    (void)arg;
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
        if (!__atomic_compare_exchange_n(&task->perf_ctx, &first, ctx, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE)) {
            kfree(ctx); // another opener was faster
            ctx = first;
        }
        // From here on every switch-in of the task sees the context: switches run with IRQs off,
        // and all that had begun before have ended when every CPU has answered.
        if (task != current_task())
            smp_call_all(barrier_call, NULL);
    }
    return ctx->dead ? ERR_PTR(-ESRCH) : ctx;
}

void perf_task_free(struct task *t)
{
    struct perf_event_context *ctx = t->perf_ctx;
    if (!ctx)
        return;
    ASSERT(ctx->nr_events == 0 && ctx->active_cpu == -1);
    kfree(ctx->slots);
    kfree(ctx);
    t->perf_ctx = NULL;
}

// ---- states and times ----

// All edits between one begin and commit happen at one moment: an event that is enabled and placed
// at once has been running for as long as it has been enabled.
static u64 edit_clock(void)
{
    const struct perf_cpu *pc = this_perf_cpu();
    return pc->edit_depth ? pc->edit_ns : clock_ns();
}

static u64 ctx_now(struct perf_event_context *ctx)
{
    u64 now = edit_clock();
    return ctx->running && now > ctx->since ? ctx->time + (now - ctx->since) : ctx->time;
}

void perf_update_times(struct perf_event *event)
{
    // A reader on another CPU may have brought the event further than the moment of this edit.
    u64 now = MAX(ctx_now(event->ctx), event->tstamp), passed = now - event->tstamp;
    if (event->state >= PERF_INACTIVE)
        event->total_enabled += passed;
    if (event->state == PERF_ACTIVE)
        event->total_running += passed;
    event->tstamp = now;
}

static void activate(struct perf_event *event)
{
    perf_update_times(event);
    event->oncpu = cpu_id();
    event->state = PERF_ACTIVE;
}

void perf_set_state(struct perf_event *event, enum perf_state state)
{
    ASSERT(state != PERF_ACTIVE);
    perf_update_times(event);
    if (event->state == PERF_ACTIVE) {
        event->pmu->del(event);
        event->oncpu = -1;
    }
    event->state = state;
}

// ---- placing ----

static bool runs_here(const struct perf_event *event)
{
    return event->state == PERF_INACTIVE && (event->cpu < 0 || (u32)event->cpu == cpu_id());
}

static void place_pinned(struct perf_event_context *ctx)
{
    struct perf_event *event;
    spin_lock(&ctx->lock);
    list_for_each(event, &ctx->pinned, node)
    {
        if (!runs_here(event))
            continue;
        if (event->pmu->add(event) == 0)
            activate(event);
        else
            perf_set_state(event, PERF_ERROR);
    }
    spin_unlock(&ctx->lock);
}

static void place_flexible(struct perf_event_context *ctx, bool *waiting)
{
    struct perf_event *event;
    spin_lock(&ctx->lock);
    list_for_each(event, &ctx->flexible, node)
    {
        if (!runs_here(event))
            continue;
        if (event->pmu->add(event) == 0)
            activate(event);
        else
            *waiting = true;
    }
    spin_unlock(&ctx->lock);
}

static void evict_flexible(struct perf_event_context *ctx)
{
    struct perf_event *event;
    spin_lock(&ctx->lock);
    list_for_each(event, &ctx->flexible, node) if (event->state == PERF_ACTIVE)
        perf_set_state(event, PERF_INACTIVE);
    spin_unlock(&ctx->lock);
}

// True if a pinned event of the context waits for a register here.
static bool pinned_waits(struct perf_event_context *ctx)
{
    struct perf_event *event;
    list_for_each(event, &ctx->pinned, node) if (runs_here(event)) return true;
    return false;
}

void perf_place(void)
{
    struct perf_cpu *pc = this_perf_cpu();
    struct perf_event_context *task = pc->task_ctx;
    // Flexible ones make way only when somebody of higher rank comes.
    if (pinned_waits(&pc->ctx) || (task && pinned_waits(task))) {
        evict_flexible(&pc->ctx);
        if (task)
            evict_flexible(task);
        place_pinned(&pc->ctx);
        if (task)
            place_pinned(task);
    }
    pc->waiting = false;
    place_flexible(&pc->ctx, &pc->waiting);
    if (task)
        place_flexible(task, &pc->waiting);
}

// The first waiting event becomes the first of its list, so it is placed before those that had
// their turn.
static void advance(struct perf_event_context *ctx)
{
    struct list *head = &ctx->flexible;
    spin_lock(&ctx->lock);
    if (!list_empty(head)) {
        struct list *first = head->next;
        list_del(first);
        list_add_tail(first, head);
    }
    spin_unlock(&ctx->lock);
}

void perf_rotate(void)
{
    struct perf_cpu *pc = this_perf_cpu();
    evict_flexible(&pc->ctx);
    advance(&pc->ctx);
    if (pc->task_ctx) {
        evict_flexible(pc->task_ctx);
        advance(pc->task_ctx);
    }
    perf_place();
    pc->rotations++;
}

void perf_ctx_in(struct perf_event_context *ctx)
{
    spin_lock(&ctx->lock);
    ctx->active_cpu = cpu_id();
    ctx->running = true;
    ctx->since = edit_clock();
    spin_unlock(&ctx->lock);
}

void perf_ctx_out(struct perf_event_context *ctx)
{
    struct perf_event *event;
    spin_lock(&ctx->lock);
    list_for_each(event, &ctx->pinned, node) if (event->state == PERF_ACTIVE)
        perf_set_state(event, PERF_INACTIVE);
    list_for_each(event, &ctx->flexible, node) if (event->state == PERF_ACTIVE)
        perf_set_state(event, PERF_INACTIVE);
    ctx->time = ctx_now(ctx);
    ctx->running = false;
    spin_unlock(&ctx->lock);
}

void perf_cpu_start(u32 cpu)
{
    struct perf_cpu *pc = &perf_cpus[cpu];
    ctx_init(&pc->ctx, NULL);
    perf_ctx_in(&pc->ctx);
}
