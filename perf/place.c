// Which groups run on this CPU: each whole or not at all, in the order of C4, with turns among the
// flexible.
//
// Turns. A group that finds room runs. So no register stays idle while a group waits that fits. A
// turn takes the flexible groups off the registers and gives these to who is next (perf/queue.c).
// What a turn does is bounded by the registers, not by how many wait.
//
// The CPU has n groups and the task has m. The CPU's rank first in n of n + m turns, the task's in
// m of them. That count belongs to the running task and goes on with its own running time. So two
// tasks in step with the tick cannot always meet the same turn. And a task that comes back in its
// own turn finds the registers cleared for it, however short it stays.
#include "sched/trace.h"
#include "perf/context.h"
#include "perf/pmu.h"

// A turn lasts from tick to tick; half of one suffices, for ticks that come early.
#define MIN_TURN_NS (NS_PER_SEC / HZ / 2)

static bool waits_here(const struct perf_event *event)
{
    return event->state == PERF_INACTIVE && (event->cpu < 0 || (u32)event->cpu == cpu_id());
}

static void take_off(struct perf_event *leader)
{
    struct perf_event *sibling;
    list_for_each (sibling, &leader->siblings, node)
        if (sibling->state == PERF_ACTIVE)
            perf_set_state(sibling, PERF_INACTIVE);
    perf_set_state(leader, PERF_INACTIVE);
}

void perf_group_out(struct perf_event *leader)
{
    if (leader->state != PERF_ACTIVE)
        return;
    take_off(leader);
    perf_file_out(leader);
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

// There were registers for it.
static void must_fit(bool placed)
{
    ASSERT(placed);
}

// A leader that is filed as waiting. Where it has a place, its siblings have one: the slot rules
// count those of a pinned leader as pinned, and a flexible group comes only where all of it fits.
static inline bool group_in(struct perf_event *leader)
{
    struct perf_event *sibling;
    if (!place(leader, leader->need > 0))
        return false;
    list_for_each (sibling, &leader->siblings, node)
        if (waits_here(sibling))
            must_fit(add(sibling));
    perf_file_in(leader);
    return true;
}

// A leader that has just come has waited for nothing yet.
bool perf_place_alone(struct perf_event *leader)
{
    bool placed = leader->ctx->running && waits_here(leader) && place(leader, leader->pmu->limited);
    if (!placed || !leader->attr.pinned)
        perf_file(leader);
    leader->ctx->waits = !placed;
    return placed;
}

// ---- whole contexts ----

static void out_of_registers(struct perf_event_context *ctx)
{
    for (u32 n = 0; n < perf_registers->nr; n++) {
        struct perf_event *event = perf_registers->owner(ctx, n);
        if (event)
            perf_group_out(event->leader);
    }
}

void perf_all_out(struct perf_event_context *ctx)
{
    out_of_registers(ctx);
    while (!list_empty(&ctx->loose))
        perf_group_out(list_first(&ctx->loose, struct perf_event, loose_node)->leader);
}

static void with_row(struct perf_row *row, u32 queue, void fn(struct list *leaders))
{
    if (row->filled & BIT(queue))
        fn(&row->queue[queue]);
}

static void with_filled(struct perf_event_context *ctx, u32 queue, void fn(struct list *leaders))
{
    spin_lock(&ctx->lock);
    with_row(&ctx->any, queue, fn);
    if (ctx->bound)
        with_row(perf_bound_here(ctx), queue, fn);
    spin_unlock(&ctx->lock);
}

// Calls fn for one queue of the rows that are not empty, first of the one for any CPU.
static inline void with_queue(struct perf_event_context *ctx, u32 queue,
                              void fn(struct list *leaders))
{
    if (ctx && perf_filled_here(ctx) & BIT(queue))
        with_filled(ctx, queue, fn);
}

static void take_out(struct list *leaders)
{
    struct perf_event *leader, *next;
    list_for_each_safe (leader, next, leaders, place)
        perf_group_out(leader);
}

static void evict_flexible(struct perf_event_context *ctx)
{
    with_queue(ctx, QUEUE_SERVED, take_out);
}

// How many registers are free for flexible groups.
static u32 room(const struct perf_cpu *pc)
{
    const struct perf_event_context *task = pc->task_ctx;
    if (pc->ctx.exclusive || (task && task->exclusive))
        return 0;
    return perf_registers->nr - pc->ctx.nr_limited - (task ? task->nr_limited : 0);
}

// Who needs nothing, and whose turn it is: as far as they fit.
static void place_what_fits(struct list *leaders)
{
    const struct perf_cpu *pc = this_perf_cpu();
    struct perf_event *leader, *next;
    list_for_each_safe (leader, next, leaders, place)
        if (leader->need <= room(pc))
            must_fit(group_in(leader));
}

// ---- pinned ----

static void place_pinned(struct list *leaders)
{
    struct perf_event *leader, *next;
    list_for_each_safe (leader, next, leaders, place) {
        if (group_in(leader))
            continue;
        perf_set_state(leader, PERF_ERROR);
        perf_file(leader);
    }
}

// Who has a place makes way only when somebody of higher rank comes.
static void make_way_for_pinned(struct perf_event_context *cpu, struct perf_event_context *task)
{
    bool cpu_waits = perf_filled_here(cpu) & BIT(QUEUE_PINNED);
    if (!cpu_waits && !(task && perf_filled_here(task) & BIT(QUEUE_PINNED)))
        return;
    evict_flexible(cpu);
    evict_flexible(task);
    if (cpu_waits && task) {
        spin_lock(&task->lock);
        out_of_registers(task);
        spin_unlock(&task->lock);
    }
    with_queue(cpu, QUEUE_PINNED, place_pinned);
    with_queue(task, QUEUE_PINNED, place_pinned);
}

// ---- flexible ----

// Whether somebody waits here who could have a place.
static bool waits(const struct perf_event_context *ctx)
{
    return perf_filled_here(ctx) & ~(BIT(QUEUE_SERVED) | BIT(QUEUE_IN_VAIN));
}

static void place_flexible(struct perf_event_context *ctx)
{
    const struct perf_cpu *pc = this_perf_cpu();
    struct perf_event *next;
    if (!ctx->waits)
        return;
    with_queue(ctx, QUEUE_TURN, place_what_fits);
    spin_lock(&ctx->lock);
    while ((next = perf_next_turn(ctx, room(pc))))
        must_fit(group_in(next));
    ctx->waits = waits(ctx);
    spin_unlock(&ctx->lock);
}

// The context that ranks first in this turn.
static struct perf_event_context *first_in_rank(struct perf_cpu *pc)
{
    struct perf_event_context *task = pc->task_ctx;
    u32 n = perf_takers_here(&pc->ctx), m = task ? perf_takers_here(task) : 0;
    return m && task->turn % (n + m) >= n ? task : &pc->ctx;
}

struct perf_event_context *perf_place(void)
{
    struct perf_cpu *pc = this_perf_cpu();
    struct perf_event_context *cpu = &pc->ctx, *task = pc->task_ctx;
    if (!perf_somebody_waits())
        return NULL;
    with_queue(cpu, QUEUE_FREE, place_what_fits);
    with_queue(task, QUEUE_FREE, place_what_fits);
    make_way_for_pinned(cpu, task);
    struct perf_event_context *first = first_in_rank(pc), *second = first == cpu ? task : cpu;
    if (second && waits(first))
        evict_flexible(second);
    place_flexible(first);
    if (second)
        place_flexible(second);
    return first;
}

// ---- turns ----

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

static void end_turns(struct list *leaders)
{
    struct perf_event *leader, *next;
    list_for_each_safe (leader, next, leaders, place) {
        if (leader->state == PERF_ACTIVE)
            take_off(leader);
        perf_file_last(leader);
    }
}

static void end_turn(struct perf_event_context *ctx)
{
    with_queue(ctx, QUEUE_TURN, end_turns);
    with_queue(ctx, QUEUE_SERVED, end_turns);
}

void perf_turn(void)
{
    struct perf_cpu *pc = this_perf_cpu();
    // the turns follow the clock of the task that runs
    if (!perf_somebody_waits() || !begin_turn(pc->task_ctx ? pc->task_ctx : &pc->ctx))
        return;
    end_turn(&pc->ctx);
    end_turn(pc->task_ctx);
    pc->rotations++;
    TRACE(TRACE_TURN);
    perf_place()->given++;
}
