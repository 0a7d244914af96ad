// The breakpoint PMU: perf's wishes become edits of the debug-register file.
#include "hwbp/pmu.h"
#include "hwbp/reserve.h"
#include "sched/trace.h"
#include "perf/pmu.h"

// What the event asks of the slots, not admitted yet.
static struct bp_claim *own_claim(struct perf_event *event, bool pinned)
{
    struct bp_claim *own = &bp_of(event)->own;
    *own = (struct bp_claim){
        .task = event->target, .cpu = event->cpu, .pinned = pinned, .event = event};
    return own;
}

// A request of this event, which /proc/hwbp shows if it is refused.
static int parse(const struct perf_event *event, const struct perf_event_attr *attr,
                 struct hw_breakpoint *bp)
{
    const char *why;
    int err = hwbp_parse(attr, bp, &why);
    if (err)
        remember_invalid(event, attr, err, why);
    return err;
}

// A copy asks for the same as its original, which is valid.
static int copy_request(struct hw_breakpoint *bp, const struct hw_breakpoint *from)
{
    bp->addr = from->addr;
    bp->type = from->type;
    bp->len = from->len;
    return 0;
}

// The slot is reserved before the request is validated, because Linux does so: a full machine
// answers ENOSPC even to a bad request, unless it names no type at all. `wide` is the claim of a
// wide breakpoint, whose slots its maker has reserved. A group is placed whole, so a pinned
// leader's siblings must find room whenever it does: they are pinned, and so are their copies.
static int bp_event_init(struct perf_event *event, void *wide)
{
    struct hw_breakpoint *bp = bp_of(event);
    u32 type = event->attr.bp_type;
    if (type == HW_BREAKPOINT_EMPTY || type == HW_BREAKPOINT_INVALID)
        return parse(event, &event->attr, bp);
    if (wide) {
        bp->claim = wide;
        return parse(event, &event->attr, bp);
    }

    const struct perf_event *parent = event->parent;
    bool pinned = parent ? bp_of(parent)->claim->pinned : event->leader->attr.pinned;
    struct bp_claim *claim = own_claim(event, pinned);
    int err = claim_reserve(claim, parent);
    if (err)
        return err;
    err = parent ? copy_request(bp, bp_of(parent)) : parse(event, &event->attr, bp);
    if (err)
        claim_release(claim);
    else
        bp->claim = claim;
    return err;
}

static void bp_destroy(struct perf_event *event)
{
    if (bp_of(event)->claim == &bp_of(event)->own) // not a wide one's
        claim_release(&bp_of(event)->own);
}

int hwbp_check(const struct perf_event *event, const struct perf_event_attr *attr)
{
    struct hw_breakpoint unused; // filled, and not looked at
    return parse(event, attr, &unused);
}

void hwbp_apply(struct perf_event *event, void *arg)
{
    const struct perf_event_attr *attr = arg;
    struct hw_breakpoint *bp = bp_of(event);
    event->attr.bp_addr = attr->bp_addr;
    event->attr.bp_type = attr->bp_type;
    event->attr.bp_len = attr->bp_len;
    const char *why;
    int err = hwbp_parse(attr, bp, &why);
    ASSERT(!err);
    if (event->state == PERF_ACTIVE) {
        bool was_in = dr_change(event, bp->addr, bp->type, bp->len);
        ASSERT(was_in);
    }
}

static int bp_add(struct perf_event *event)
{
    const struct hw_breakpoint *bp = bp_of(event);
    return dr_install(event, bp->addr, bp->type, bp->len);
}

static void bp_del(struct perf_event *event)
{
    bool was_in = dr_evict(event);
    ASSERT(was_in);
}

static struct perf_event *bp_owner(const struct perf_event_context *ctx, u32 n)
{
    const struct bp_task *t = ctx->pmu_data;
    const struct dr_image *image = ctx->parked ? &t->parked : &this_cpu()->dr.want;
    struct perf_event *event = image->used & BIT(n) ? image->slot[n].owner : NULL;
    return event && event->ctx == ctx ? event : NULL;
}

// The registers that hold events of this context.
static u32 registers_of(const struct perf_event_context *ctx)
{
    const struct dr_image *image = &this_cpu()->dr.want;
    u32 regs = 0;
    for_each_bit (i, image->used) {
        const struct perf_event *event = image->slot[i].owner;
        if (event->ctx == ctx)
            regs |= BIT(i);
    }
    return regs;
}

static void bp_park(struct perf_event_context *ctx)
{
    struct bp_task *t = ctx->pmu_data;
    dr_take_out(registers_of(ctx), &t->parked);
}

static bool bp_unpark(struct perf_event_context *ctx)
{
    struct bp_task *t = ctx->pmu_data;
    return dr_put_back(&t->parked);
}

static __attribute__((noinline)) void commit_and_tell(void)
{
    dr_commit();
    if (trace_on)
        hwbp_trace_commit();
    if (DEBUG_BUILD && this_cpu()->dr.depth == 0)
        hwbp_check_cpu();
}

// Mostly a jump.
static void bp_commit(void)
{
    if (unlikely(trace_on || DEBUG_BUILD))
        commit_and_tell();
    else
        dr_commit();
}

static const struct pmu breakpoint_pmu = {
    .type = PERF_TYPE_BREAKPOINT,
    .size = sizeof(struct bp_event),
    .limited = true,
    .event_init = bp_event_init,
    .destroy = bp_destroy,
    .add = bp_add,
    .del = bp_del,
};

static const struct perf_registers registers = {
    .nr = HBP_NUM,
    .begin = dr_begin,
    .commit = bp_commit,
    .park = bp_park,
    .unpark = bp_unpark,
    .owner = bp_owner,
};

void hwbp_init(void)
{
    hwbp_db_init();
    perf_pmu_register(&breakpoint_pmu);
    perf_registers_set(&registers);
}
