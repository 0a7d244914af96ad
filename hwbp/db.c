// The breakpoints' link in the chain of exception handlers: each register that fired goes to its
// event.
#include "arch/x86/cpu.h"
#include "hwbp/pmu.h"
#include "kernel/base/die.h"

static enum die_answer take_hits(struct die *d)
{
    if (d->event != DIE_DEBUG || !d->hits->slots)
        return DIE_DONE;
    u64 traps = 0;
    for (u32 left = d->hits->slots; left; left &= left - 1) {
        int i = __builtin_ctz(left);
        // An execute breakpoint is a fault: without RF the same instruction would fault for ever.
        // QEMU does not save RF for us, so it is always set here.
        if (d->hits->type[i] == DR_EXECUTE)
            d->regs->rflags |= RFLAGS_RF;
        struct perf_event *event = d->hits->owner[i];
        if (perf_event_hit(event, d->regs) && event->bp.traps)
            traps |= BIT(i);
    }
    d->hits->dr6 = (d->hits->dr6 & ~DR6_SLOTS) | traps;
    d->hits->slots = 0;
    return d->hits->dr6 ? DIE_DONE : DIE_STOP;
}

void hwbp_db_init(void)
{
    static struct die_link link = {.fn = take_hits, .priority = DIE_BREAKPOINT};
    die_register(&link);
}
