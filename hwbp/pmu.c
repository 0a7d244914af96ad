// The breakpoint PMU: perf's wishes become edits of the debug-register file.
#include "hwbp/pmu.h"
#include "hwbp/reserve.h"
#include "hwbp/validate.h"
#include "kernel/base/errno.h"
#include "perf/context.h"

// What the event asks of the slots, not admitted yet.
static struct bp_claim *own_claim(struct perf_event *event, bool pinned)
{
    event->bp.own = (struct bp_claim){
        .task = event->target, .cpu = event->cpu, .pinned = pinned, .event = event};
    return &event->bp.own;
}

// The slot comes first, then the validation: a full machine answers ENOSPC even to a bad request,
// as Linux does, unless it names no type at all.
static int bp_event_init(struct perf_event *event)
{
    u32 type = event->attr.bp_type;
    if (type == HW_BREAKPOINT_EMPTY || type == HW_BREAKPOINT_INVALID)
        return -EINVAL;
    // One of a wide breakpoint's: reserved and validated by hwbp_register_wide().
    if (event->bp.claim)
        return hwbp_parse(&event->attr, &event->bp);

    // A group is placed whole, so a pinned leader's siblings must find room whenever it does.
    struct bp_claim *claim = own_claim(event, event->leader->attr.pinned);
    int err = claim_reserve(claim);
    if (err)
        return err;
    err = hwbp_parse(&event->attr, &event->bp);
    if (err)
        claim_release(claim);
    else
        event->bp.claim = claim;
    return err;
}

static int bp_event_inherit(struct perf_event *event)
{
    const struct hw_breakpoint *parent = &event->parent->bp;
    struct bp_claim *claim = own_claim(event, parent->claim->pinned);
    int err = claim_inherit(claim);
    if (err)
        return err;
    event->bp.addr = parent->addr;
    event->bp.type = parent->type;
    event->bp.len = parent->len;
    event->bp.claim = claim;
    return 0;
}

static int bp_check(const struct perf_event_attr *attr)
{
    struct hw_breakpoint bp;
    return hwbp_parse(attr, &bp);
}

static void bp_apply(struct perf_event *event, const struct perf_event_attr *attr)
{
    event->attr.bp_addr = attr->bp_addr;
    event->attr.bp_type = attr->bp_type;
    event->attr.bp_len = attr->bp_len;
    int err = hwbp_parse(attr, &event->bp);
    ASSERT(!err);
    if (event->state != PERF_ACTIVE)
        return;
    bool was_in = dr_change(event, event->bp.addr, event->bp.type, event->bp.len);
    ASSERT(was_in);
}

static int bp_add(struct perf_event *event)
{
    return dr_install(event, event->bp.addr, event->bp.type, event->bp.len);
}

static void bp_del(struct perf_event *event)
{
    bool was_in = dr_evict(event);
    ASSERT(was_in);
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

static void bp_commit(void)
{
    dr_commit();
    if (DEBUG_BUILD && this_cpu()->dr.depth == 0)
        hwbp_check_cpu();
}

static const struct pmu breakpoint_pmu = {
    .type = PERF_TYPE_BREAKPOINT,
    .limited = true,
    .event_inherit = bp_event_inherit,
    .event_init = bp_event_init,
    .check = bp_check,
    .apply = bp_apply,
    .destroy = claim_release_event,
    .add = bp_add,
    .del = bp_del,
    .park = bp_park,
    .unpark = bp_unpark,
    .begin = dr_begin,
    .commit = bp_commit,
    .task_flush = claims_flush_task,
};

void hwbp_init(void)
{
    hwbp_db_init();
    perf_pmu_register(&breakpoint_pmu);
}
