// The watchdog: see watchdog.h. The code that runs in the NMI is protected. No INT3 of a debugger
// may stand there, because the IRETQ of a #BP would let in the next NMI.
#include "debug/watchdog.h"
#include "arch/x86/apic_regs.h"
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "arch/x86/user/devices.h"
#include "kernel/base/cmdline.h"
#include "kernel/base/die.h"
#include "kernel/base/panic.h"

#define LIMIT_S      2
#define BEAT_HZ      18 // the PIT's longest period, 65536 counts
#define PIT_CHANNEL0 0x40
#define PIT_CMD      0x43
#define PIT_BEAT     0x34 // channel 0, low then high byte, mode 2: a period ends in interrupt 0

static struct {
    u64 ticks;                    // the CPU's ticks at its last beat
    u32 missed;                   // beats in a row
} seen[MAX_CPUS] __protected_bss; // each CPU uses its own
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
    if (seen[me].missed == limit_s * BEAT_HZ)
        panic_at(d->regs, "watchdog: cpu %u has %s for %lu s", me,
                 ticked ? "a switch due and makes none" : "taken no tick", limit_s);
    return DIE_STOP;
}

static void start_beat(void)
{
    outb(PIT_CMD, PIT_BEAT);
    outb(PIT_CHANNEL0, 0); // 65536
    outb(PIT_CHANNEL0, 0);
    ioapic_route(0, ICR_NMI);
}

void watchdog_start(void)
{
    static struct die_link link = {.fn = beat, .priority = DIE_WATCHDOG};
    limit_s = cmdline_u64("watchdog", LIMIT_S);
    if (!limit_s)
        return;
    die_register(&link);
    start_beat();
}
