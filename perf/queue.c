// Which leaders wait for a place, and which is next.
//
// Filing a leader, ending its turn and finding the next one cost the same however many wait: each
// looks at the ends of a few queues. A group that does not fit is never in the way of one that
// does, because groups that need as many registers wait in a queue of their own.
//
// Next is who was served least, among the first few of each queue. So a turn that lasted too long
// (an emulator that was held up) is made good: who had it lets others pass. Whoever has missed as
// many turns as there are groups, a full round, goes before all, who waits longest first.
// docs/perf.md has the proof that nobody waits longer, and an example.
#include "kernel/mm/heap.h"
#include "perf/context.h"
#include "perf/pmu.h"

#define WINDOW 8 // of each queue, how many are compared

// ---- rows ----

struct perf_row *perf_bound_row(struct perf_event_context *ctx, u32 cpu)
{
    struct perf_row *rows = __atomic_load_n(&ctx->bound, __ATOMIC_ACQUIRE), *first = NULL;
    if (rows)
        return &rows[cpu];
    rows = kalloc(nr_cpus * sizeof(*rows));
    if (!rows)
        return NULL;
    if (__atomic_compare_exchange_n(&ctx->bound, &first, rows, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
        return &rows[cpu];
    kfree(rows); // another opener was faster
    return &first[cpu];
}

// ---- order ----

// `limit`: of ctx->given; who has waited since then, or longer, has missed a full round.
#define NOBODY (-1) // as a limit
static bool goes_before(const struct perf_event *a, const struct perf_event *b, s64 limit)
{
    if ((s64)a->since <= limit || (s64)b->since <= limit)
        return a->since < b->since;
    return a->served < b->served;
}

// The better one of `best` and the first few of a queue.
static struct perf_event *first_of(struct list *queue, struct perf_event *best, s64 limit)
{
    struct perf_event *leader;
    u32 seen = 0;
    list_for_each (leader, queue, place) {
        if (!best || goes_before(leader, best, limit))
            best = leader;
        if (++seen == WINDOW)
            break;
    }
    this_perf_cpu()->looks += seen;
    return best;
}

static struct perf_event *first_in(struct perf_row *row, u32 queues, struct perf_event *best,
                                   s64 limit)
{
    for_each_bit (i, row->filled & queues)
        best = first_of(&row->queue[i], best, limit);
    return best;
}

// ---- filing ----

static u32 need_of_group(const struct perf_event *leader)
{
    const struct perf_event *sibling;
    u32 need = leader->pmu->limited;
    list_for_each (sibling, &leader->siblings, node)
        need += sibling->pmu->limited && sibling->state >= PERF_INACTIVE;
    if (need && leader->attr.exclusive)
        need = MAX(need, perf_registers->nr);
    return MIN(need, perf_registers->nr + 1);
}

static inline __attribute__((always_inline)) u32 need_of(const struct perf_event *leader)
{
    bool alone = !leader->nr_siblings && !leader->attr.exclusive;
    return likely(alone) ? leader->pmu->limited : need_of_group(leader);
}

// Where a leader belongs that waits or has a place.
static inline __attribute__((always_inline)) u32 queue_for(const struct perf_event *leader)
{
    bool active = leader->state == PERF_ACTIVE;
    if (!leader->need)
        return active ? QUEUE_NONE : QUEUE_FREE;
    if (leader->attr.pinned)
        return active ? QUEUE_NONE : QUEUE_PINNED;
    if (leader->need > perf_registers->nr)
        return QUEUE_IN_VAIN;
    return active ? QUEUE_SERVED : QUEUE_WAITING + leader->need - 1;
}

static inline __attribute__((always_inline)) void move(struct perf_event *leader, u32 queue)
{
    struct perf_row *row = leader->row;
    if (leader->queue) {
        if (leader->place.next == leader->place.prev) // the only one
            row->filled &= ~BIT(leader->queue);
        else
            list_del(&leader->place);
    }
    if (queue) {
        if (!(row->filled & BIT(queue)))
            list_init(&row->queue[queue]);
        list_add_tail(&leader->place, &row->queue[queue]);
        row->filled |= BIT(queue);
    }
    leader->queue = queue;
}

// Waiting while it was disabled earns nothing: it starts level with the least served of those that
// a turn would look at.
static __attribute__((noinline)) void join_turns(struct perf_event *leader)
{
    struct perf_event_context *ctx = leader->ctx;
    u32 queues = BIT(NR_QUEUES) - BIT(QUEUE_SERVED);
    struct perf_event *least = first_in(&ctx->any, queues, NULL, NOBODY);
    if (leader->row != &ctx->any)
        least = first_in(leader->row, queues, least, NOBODY);
    if (least)
        leader->served = MAX(leader->served, least->served);
    leader->since = ctx->given;
    leader->row->nr_turns++;
}

void perf_file(struct perf_event *leader)
{
    u32 old = leader->queue, needed = leader->need, queue = QUEUE_NONE;
    if (leader->state >= PERF_INACTIVE) {
        leader->need = need_of(leader);
        queue = queue_for(leader);
    }
    if (queue == old || (old == QUEUE_TURN && leader->need == needed && queue >= QUEUE_WAITING))
        return;
    if (queue >= QUEUE_SERVED && old < QUEUE_SERVED)
        join_turns(leader);
    else if (old >= QUEUE_SERVED && queue < QUEUE_SERVED)
        leader->row->nr_turns--;
    move(leader, queue);
}

void perf_file_out(struct perf_event *leader)
{
    leader->need = need_of(leader);
    move(leader, leader->queue == QUEUE_SERVED ? QUEUE_TURN : queue_for(leader));
}

void perf_file_in(struct perf_event *leader)
{
    move(leader, leader->need && !leader->attr.pinned ? QUEUE_SERVED : QUEUE_NONE);
}

void perf_file_last(struct perf_event *leader)
{
    move(leader, QUEUE_WAITING + leader->need - 1);
    leader->since = leader->ctx->given;
}

// ---- turns ----

struct perf_event *perf_next_turn(struct perf_event_context *ctx, u32 room)
{
    u32 queues = BIT(QUEUE_WAITING + room) - BIT(QUEUE_WAITING);
    if (!(perf_filled_here(ctx) & queues))
        return NULL;
    s64 limit = (s64)ctx->given - perf_takers_here(ctx);
    struct perf_event *best = first_in(&ctx->any, queues, NULL, limit);
    return ctx->bound ? first_in(perf_bound_here(ctx), queues, best, limit) : best;
}
