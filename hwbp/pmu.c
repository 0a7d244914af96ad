// The breakpoint PMU: perf's wishes become edits of the debug-register file.
#include "hwbp/pmu.h"
#include "hwbp/reserve.h"
#include "hwbp/validate.h"
#include "kernel/base/errno.h"
#include "kernel/mm/heap.h"

// The slot comes first, then the validation: a full machine answers ENOSPC even to a bad request,
// as Linux does.
static int bp_event_init(struct perf_event *event)
{
    if (event->bp
            .claim) // one of a wide breakpoint's: reserved and validated by hwbp_register_wide()
        return hwbp_parse(&event->attr, &event->bp);

    struct bp_claim *claim = kalloc(sizeof(*claim));
    if (!claim)
        return -ENOMEM;
    claim->task = event->target;
    claim->cpu = event->cpu;
    claim->pinned = event->attr.pinned;
    claim->event = event;
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
    hwbp_slots_init();
    perf_pmu_register(&breakpoint_pmu);
}
