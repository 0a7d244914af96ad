// The breakpoint PMU: perf's wishes become edits of the debug-register file.
#include "hwbp/pmu.h"
#include "hwbp/reserve.h"
#include "hwbp/validate.h"
#include "kernel/base/errno.h"
#include "kernel/mm/heap.h"

// A claim for the event, not admitted yet; NULL: no memory.
static struct bp_claim *new_claim(struct perf_event *event, bool pinned)
{
    struct bp_claim *claim = kalloc(sizeof(*claim));
    if (!claim)
        return NULL;
    claim->task = event->target;
    claim->cpu = event->cpu;
    claim->pinned = pinned;
    claim->event = event;
    return claim;
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
    struct bp_claim *claim = new_claim(event, event->leader->attr.pinned);
    if (!claim)
        return -ENOMEM;
    int err = claim_reserve(claim);
    if (!err) {
        err = hwbp_parse(&event->attr, &event->bp);
        if (!err) {
            event->bp.claim = claim;
            return 0;
        }
        claim_release(claim);
    }
    kfree(claim);
    return err;
}

static int bp_event_inherit(struct perf_event *event)
{
    struct bp_claim *claim = new_claim(event, event->parent->bp.claim->pinned);
    if (!claim)
        return -ENOMEM;
    int err = claim_inherit(claim);
    if (err) {
        kfree(claim);
        return err;
    }
    event->bp = event->parent->bp;
    event->bp.claim = claim;
    return 0;
}

static int bp_add(struct perf_event *event)
{
    int reg = dr_install(event, event->bp.addr, event->bp.type, event->bp.len);
    return reg < 0 ? -ENOSPC : 0;
}

static void bp_del(struct perf_event *event)
{
    bool was_in = dr_evict(event);
    ASSERT(was_in);
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
    .modify = hwbp_modify_attr,
    .event_init = bp_event_init,
    .destroy = claim_release_event,
    .add = bp_add,
    .del = bp_del,
    .begin = dr_begin,
    .commit = bp_commit,
    .task_flush = claims_flush_task,
};

void hwbp_init(void)
{
    hwbp_db_init();
    perf_pmu_register(&breakpoint_pmu);
}
