// Who runs on this CPU: groups whole or not at all, in the order of C4, and turns among the
// flexible.
//
// Turns. A context's flexible groups are kept in the order of how long each has been served; who
// was served least is placed first, and whatever finds room runs, so no register stays idle while
// somebody waits who fits. A turn takes all flexible groups out, sorts, and places anew. So each of
// n single breakpoints on k registers runs k of n turns, waits at most n - k, and a turn that
// lasted too long (an emulator that was held up) is made good by the next ones. However much is to
// be made good, who has waited n turns goes first: never more than k of them at once, since no more
// than k stop running in one turn, so nobody waits longer than this full round. Who comes or comes
// back starts level with the least served: waiting while disabled earns nothing.
//
// Between the CPU's n groups and the task's m, the CPU's rank first in n of n + m turns and the
// task's in m of them. That count belongs to the running task and goes on with its own running
// time, so two tasks in step with the tick cannot always meet the same turn; and a task that comes
// back in its own turn finds the registers cleared for it, however short it stays.
#include "sched/trace.h"
#include "arch/x86/platform.h"
#include "perf/context.h"
#include "sched/sched.h"

// A turn lasts from tick to tick; half of one suffices, for ticks that come early.
#define MIN_TURN_NS (NS_PER_SEC / HZ / 2)

static bool applies_here(const struct perf_event *event)
{
    return event->state >= PERF_INACTIVE && (event->cpu < 0 || (u32)event->cpu == cpu_id());
}

static bool waits_here(const struct perf_event *event)
{
    return event->state == PERF_INACTIVE && applies_here(event);
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
}

static inline bool add(struct perf_event *event)
{
    if (event->pmu->add(event) < 0)
        return false;
    perf_activate(event);
    return true;
}

// On limited PMUs an exclusive group shares with nobody.
static inline bool is_excluded(const struct perf_event *leader)
{
    const struct perf_cpu *pc = this_perf_cpu();
    const struct perf_event_context *task = pc->task_ctx;
    return pc->ctx.exclusive || (task && task->exclusive) ||
           (leader->attr.exclusive && (pc->ctx.nr_limited || (task && task->nr_limited)));
}

// The context lock is held.
static inline bool place(struct perf_event *leader, bool limited)
{
    if ((limited && is_excluded(leader)) || !add(leader))
        return false;
    if (unlikely(limited && leader->attr.exclusive))
        leader->ctx->exclusive = true;
    return true;
}

static bool group_in(struct perf_event *leader)
{
    struct perf_event *sibling;
    bool limited = leader->pmu->limited;
    list_for_each (sibling, &leader->siblings, node)
        limited = limited || sibling->pmu->limited;
    if (!place(leader, limited))
        return false;
    list_for_each (sibling, &leader->siblings, node) {
        if (waits_here(sibling) && !add(sibling)) {
            perf_group_out(leader);
            return false;
        }
    }
    leader->waited = 0;
    return true;
}

// A leader that has just come has waited for nothing yet.
bool perf_place_alone(struct perf_event *leader)
{
    bool placed = leader->ctx->running && waits_here(leader) && place(leader, leader->pmu->limited);
    leader->ctx->waits = !placed;
    return placed;
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

static void evict(struct perf_event_context *ctx, struct list *leaders)
{
    struct perf_event *leader;
    spin_lock(&ctx->lock);
    list_for_each (leader, leaders, node)
        perf_group_out(leader);
    spin_unlock(&ctx->lock);
}

static bool somebody_waits(const struct list *leaders)
{
    struct perf_event *leader;
    list_for_each (leader, leaders, node)
        if (waits_here(leader))
            return true;
    return false;
}

// ---- flexible ----

static u32 count_flexible(struct perf_event_context *ctx)
{
    struct perf_event *leader;
    u32 n = 0;
    list_for_each (leader, &ctx->flexible, node)
        n += applies_here(leader);
    return n;
}

static void place_list(struct perf_event_context *ctx)
{
    struct perf_event *leader;
    spin_lock(&ctx->lock);
    ctx->waits = false;
    list_for_each (leader, &ctx->flexible, node)
        if (waits_here(leader) && !group_in(leader))
            ctx->waits = true;
    spin_unlock(&ctx->lock);
}

// The two contexts here in the order of this turn; NULL where there is none.
static void rank_contexts(struct perf_cpu *pc, struct perf_event_context *by_rank[2])
{
    struct perf_event_context *task = pc->task_ctx;
    u32 n = count_flexible(&pc->ctx), m = task ? count_flexible(task) : 0;
    bool task_first = m && task->turn % (n + m) >= n;
    by_rank[0] = task_first ? task : &pc->ctx;
    by_rank[1] = task_first ? &pc->ctx : task;
}

static struct perf_event_context *place_flexible(struct perf_cpu *pc)
{
    struct perf_event_context *by_rank[2];
    rank_contexts(pc, by_rank);
    if (by_rank[1] && somebody_waits(&by_rank[0]->flexible))
        evict(by_rank[1], &by_rank[1]->flexible);
    for (int i = 0; i < 2; i++)
        if (by_rank[i])
            place_list(by_rank[i]);
    return by_rank[0];
}

static void evict_all_flexible(struct perf_cpu *pc)
{
    evict(&pc->ctx, &pc->ctx.flexible);
    if (pc->task_ctx)
        evict(pc->task_ctx, &pc->task_ctx->flexible);
}

struct perf_event_context *perf_place(void)
{
    struct perf_cpu *pc = this_perf_cpu();
    struct perf_event_context *task = pc->task_ctx;
    if (!perf_somebody_waits())
        return NULL;
    bool cpu_waits = somebody_waits(&pc->ctx.pinned);
    // Who has a place makes way only when somebody of higher rank comes.
    if (cpu_waits || (task && somebody_waits(&task->pinned))) {
        evict_all_flexible(pc);
        if (cpu_waits && task)
            evict(task, &task->pinned);
        place_pinned(&pc->ctx);
        if (task)
            place_pinned(task);
    }
    return place_flexible(pc);
}

// ---- turns ----

void perf_join_turns(struct perf_event *leader)
{
    struct perf_event *other;
    u64 least = ~0ull;
    list_for_each (other, &leader->ctx->flexible, node)
        if (other != leader && other->state >= PERF_INACTIVE)
            least = MIN(least, other->served);
    if (least != ~0ull)
        leader->served = MAX(leader->served, least);
    leader->waited = 0;
}

static bool goes_before(const struct perf_event *a, const struct perf_event *b, u32 round)
{
    if (a->waited >= round || b->waited >= round)
        return a->waited > b->waited;
    return a->served < b->served;
}

// By insertion: only those that just ran are out of place.
static void sort_flexible(struct perf_event_context *ctx)
{
    struct perf_event *event, *next;
    u32 round = count_flexible(ctx);
    spin_lock(&ctx->lock);
    list_for_each_safe (event, next, &ctx->flexible, node) {
        struct list *at = event->node.prev;
        while (at != &ctx->flexible &&
               goes_before(event, list_entry(at, struct perf_event, node), round))
            at = at->prev;
        if (at != event->node.prev) {
            list_del(&event->node);
            list_add(&event->node, at);
        }
    }
    spin_unlock(&ctx->lock);
}

// A turn of this context's has been given out: who still waits has waited one more.
static void count_waiting(struct perf_event_context *ctx)
{
    struct perf_event *leader;
    spin_lock(&ctx->lock);
    list_for_each (leader, &ctx->flexible, node)
        leader->waited += waits_here(leader);
    spin_unlock(&ctx->lock);
}

static bool begin_turn(struct perf_event_context *ctx)
{
    spin_lock(&ctx->lock);
    u64 now = perf_ctx_now(ctx);
    bool due = now - ctx->turned_at >= MIN_TURN_NS;
    if (due) {
        ctx->turn++;
        ctx->turned_at = now;
    }
    spin_unlock(&ctx->lock);
    return due;
}

void perf_turn(void)
{
    struct perf_cpu *pc = this_perf_cpu();
    // the turns follow the clock of the task that runs
    if (!perf_somebody_waits() || !begin_turn(pc->task_ctx ? pc->task_ctx : &pc->ctx))
        return;
    evict_all_flexible(pc);
    sort_flexible(&pc->ctx);
    if (pc->task_ctx && !__atomic_load_n(&pc->task_ctx->walked, __ATOMIC_RELAXED))
        sort_flexible(pc->task_ctx);
    pc->rotations++;
    TRACE(TRACE_TURN);
    count_waiting(perf_place());
}
