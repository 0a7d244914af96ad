// Who runs on this CPU: groups whole or not at all, in the order of C4, and turns among the
// flexible.
//
// Turns. The flexible groups that apply here, the CPU's before the task's, form one ring. Placing
// starts at the group whose turn it is and goes round once; whatever finds room runs, so no
// register stays idle while somebody waits who fits. A turn moves the start by one. With n single
// breakpoints and k registers each runs k of n turns and waits at most n - k: none starves. The
// turn counter is the task's while a task with events runs, and it moves on with the task's own
// running time, so that two tasks in step with the tick cannot always meet the same turn.
#include "perf/context.h"
#include "sched/sched.h"

#define TURN_NS (1000000000ull / HZ)

static bool applies_here(const struct perf_event *event)
{
    return event->state >= PERF_INACTIVE && (event->cpu < 0 || (u32)event->cpu == cpu_id());
}

static bool waits_here(const struct perf_event *event)
{
    return event->state == PERF_INACTIVE && applies_here(event);
}

static bool group_is_limited(const struct perf_event *leader)
{
    const struct perf_event *sibling;
    bool limited = leader->pmu->limited;
    list_for_each (sibling, &leader->siblings, node)
        limited = limited || sibling->pmu->limited;
    return limited;
}

void perf_group_out(struct perf_event *leader)
{
    struct perf_event *sibling;
    if (leader->state != PERF_ACTIVE)
        return;
    list_for_each (sibling, &leader->siblings, node)
        if (sibling->state == PERF_ACTIVE)
            perf_set_state(sibling, PERF_INACTIVE);
    perf_set_state(leader, PERF_INACTIVE);
    if (group_is_limited(leader)) {
        this_perf_cpu()->nr_limited--;
        this_perf_cpu()->exclusive = false;
    }
}

static bool add(struct perf_event *event)
{
    if (event->pmu->add(event))
        return false;
    perf_activate(event);
    return true;
}

// The context lock is held.
static bool group_in(struct perf_event *leader)
{
    struct perf_cpu *pc = this_perf_cpu();
    struct perf_event *sibling;
    bool limited = group_is_limited(leader), ok;
    if (limited && (pc->exclusive || (leader->attr.exclusive && pc->nr_limited)))
        return false;
    if (!add(leader))
        return false;
    pc->nr_limited += limited;
    pc->exclusive = pc->exclusive || (limited && leader->attr.exclusive);
    ok = true;
    list_for_each (sibling, &leader->siblings, node)
        if (ok && waits_here(sibling))
            ok = add(sibling);
    if (!ok)
        perf_group_out(leader);
    return ok;
}

// ---- pinned ----

static void place_pinned(struct perf_event_context *ctx)
{
    struct perf_event *leader;
    spin_lock(&ctx->lock);
    list_for_each (leader, &ctx->pinned, node)
        if (waits_here(leader) && !group_in(leader))
            perf_set_state(leader, PERF_ERROR);
    spin_unlock(&ctx->lock);
}

static bool pinned_waits(struct perf_event_context *ctx)
{
    struct perf_event *leader;
    list_for_each (leader, &ctx->pinned, node)
        if (waits_here(leader))
            return true;
    return false;
}

// ---- flexible ----

static void evict_flexible(struct perf_event_context *ctx)
{
    struct perf_event *leader;
    spin_lock(&ctx->lock);
    list_for_each (leader, &ctx->flexible, node)
        perf_group_out(leader);
    spin_unlock(&ctx->lock);
}

static u32 count_flexible(struct perf_event_context *ctx)
{
    struct perf_event *leader;
    u32 n = 0;
    list_for_each (leader, &ctx->flexible, node)
        n += applies_here(leader);
    return n;
}

// Places those of the context whose number in the ring is in [from, to). `number` counts on.
static void place_range(struct perf_event_context *ctx, u32 *number, u32 from, u32 to,
                        bool *waiting)
{
    struct perf_event *leader;
    spin_lock(&ctx->lock);
    list_for_each (leader, &ctx->flexible, node) {
        if (!applies_here(leader))
            continue;
        if (*number >= from && *number < to && waits_here(leader) && !group_in(leader))
            *waiting = true;
        (*number)++;
    }
    spin_unlock(&ctx->lock);
}

static struct perf_event_context *turn_ctx(struct perf_cpu *pc)
{
    return pc->task_ctx ? pc->task_ctx : &pc->ctx;
}

static void place_flexible(struct perf_cpu *pc)
{
    u32 n = count_flexible(&pc->ctx) + (pc->task_ctx ? count_flexible(pc->task_ctx) : 0);
    u32 first = n ? turn_ctx(pc)->turn % n : 0;
    pc->waiting = false;
    for (int half = 0; half < 2 && n; half++) { // from the turn to the end, then the rest
        u32 number = 0, from = half ? 0 : first, to = half ? first : n;
        place_range(&pc->ctx, &number, from, to, &pc->waiting);
        if (pc->task_ctx)
            place_range(pc->task_ctx, &number, from, to, &pc->waiting);
    }
}

static void evict_all_flexible(struct perf_cpu *pc)
{
    evict_flexible(&pc->ctx);
    if (pc->task_ctx)
        evict_flexible(pc->task_ctx);
}

void perf_place(void)
{
    struct perf_cpu *pc = this_perf_cpu();
    // Flexible ones make way only when somebody of higher rank comes.
    if (pinned_waits(&pc->ctx) || (pc->task_ctx && pinned_waits(pc->task_ctx))) {
        evict_all_flexible(pc);
        place_pinned(&pc->ctx);
        if (pc->task_ctx)
            place_pinned(pc->task_ctx);
    }
    place_flexible(pc);
}

// ---- turns ----

bool perf_turn_is_due(struct perf_event_context *ctx)
{
    spin_lock(&ctx->lock);
    bool due = perf_ctx_now(ctx) - ctx->turned_at >= TURN_NS;
    spin_unlock(&ctx->lock);
    return due;
}

void perf_rotate(void)
{
    struct perf_cpu *pc = this_perf_cpu();
    struct perf_event_context *ctx = turn_ctx(pc);
    evict_all_flexible(pc);
    spin_lock(&ctx->lock);
    ctx->turn++;
    ctx->turned_at = perf_ctx_now(ctx);
    spin_unlock(&ctx->lock);
    pc->rotations++;
    perf_place();
}
