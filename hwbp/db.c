// The breakpoints' link in the chain of exception handlers: each register that fired goes to its
// event.
#include "hwbp/pmu.h"
#include "kernel/base/die.h"
#include "sched/trace.h"

static enum die_answer take_hits(struct die *d)
{
    struct dr_hits *hits = d->hits;
    struct trapframe *regs = d->regs;
    if (d->event != DIE_DEBUG || !hits->slots)
        return DIE_DONE;
    if (unlikely(trace_on))
        hwbp_trace_hits(hits, regs->rip);
    hits->dr6 &= ~DR6_SLOTS;
    for_each_bit (i, hits->slots) {
        const struct dr_slot *slot = &hits->slot[i];
        struct perf_event *event = slot->owner;
        // An execute breakpoint is a fault: without RF the same instruction would fault for ever.
        // QEMU does not save RF for us, so it is always set here.
        if (slot->type == DR_EXECUTE)
            regs->rflags |= RFLAGS_RF;
        if (perf_event_count(event, 1, regs, slot->addr) && bp_of(event)->traps)
            hits->dr6 |= BIT(i);
    }
    return hits->dr6 ? DIE_DONE : DIE_STOP;
}

void hwbp_db_init(void)
{
    static struct die_link link = {.fn = take_hits, .priority = DIE_BREAKPOINT};
    die_register(&link);
}
