// The watchdog: see watchdog.h. What runs in the NMI is protected: no INT3 of a debugger may stand
// there, for the IRETQ of a #BP would let in the next NMI.
#include "kernel/base/watchdog.h"
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "kernel/base/cmdline.h"
#include "kernel/base/die.h"
#include "kernel/base/panic.h"

#define LIMIT_S 2

static struct {
    u64 ticks;                    // at its last beat
    u32 missed;                   // beats in a row
} seen[MAX_CPUS] __protected_bss; // each CPU its own
static u64 limit_s __protected_bss;

static __protected_text void pass_on(void)
{
    for (u32 i = 1; i < nr_cpus; i++)
        if (cpu_reachable(i))
            lapic_send_nmi(cpus[i].apic_id);
}

static __protected_text enum die_answer beat(struct die *d)
{
    if (d->event != DIE_NMI)
        return DIE_DONE;
    u32 me = cpu_id();
    if (me == 0)
        pass_on();
    u64 ticks = this_cpu()->lapic_ticks;
    bool ticked = ticks != seen[me].ticks;
    seen[me].ticks = ticks;
    seen[me].missed = ticked && !need_resched() ? 0 : seen[me].missed + 1;
    if (seen[me].missed == limit_s * WATCHDOG_HZ)
        panic_at(d->regs, "watchdog: cpu %u has %s for %lu s", me,
                 ticked ? "a switch due and makes none" : "taken no tick", limit_s);
    return DIE_STOP;
}

void watchdog_start(void)
{
    static struct die_link link = {.fn = beat, .priority = DIE_WATCHDOG};
    limit_s = cmdline_u64("watchdog", LIMIT_S);
    if (!limit_s)
        return;
    die_register(&link);
    watchdog_beat_start();
}
