// Time: the TSC, measured once against the PIT, whose frequency is the same in every PC. The
// local APIC timer is measured along with it. The TSCs of all CPUs are taken to run together.

#include "arch/x86/apic_regs.h"
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "arch/x86/upcalls.h"

#define PIT_HZ       1193182u
#define PIT_CHANNEL2 0x42
#define PIT_CMD      0x43
#define PIT_LATCH2   0x80
#define PIT_MODE2    0xb4 // channel 2, low then high byte, mode 2: counts down and starts over
#define PORT_B       0x61 // bit 0: gate of channel 2, bit 1: loudspeaker
#define WINDOW       (PIT_HZ / 200) // 5 ms; the counter wraps after 55
#define TRIES        3
#define READS        8
#define PIT_PATIENCE 10000000u

#define FRACTION_BITS 32

u32 lapic_timer_hz;

extern u64 boot_tsc; // boot.asm

static u64 tsc_start;
static u64 ns_per_tick; // with FRACTION_BITS bits after the point

// The three counters at one moment.
struct sample {
    u64 tsc;
    u32 lapic;
    u16 pit;
};

// What was latched last.
static u16 pit_read(void)
{
    u16 low = inb(PIT_CHANNEL2);
    return low | (u16)inb(PIT_CHANNEL2) << 8;
}

static u16 pit_count(void)
{
    outb(PIT_CMD, PIT_LATCH2);
    return pit_read();
}

// Of several reads, the one that took the least time counts: the host or a bus may delay any.
static struct sample take_sample(void)
{
    struct sample best = {0};
    u64 shortest = ~0ull;
    for (int i = 0; i < READS; i++) {
        u64 before = rdtsc();
        outb(PIT_CMD, PIT_LATCH2);
        u32 lapic = lapic_read(LAPIC_TIMER_CURRENT);
        u64 after = rdtsc();
        u16 pit = pit_read();
        if (after - before < shortest) {
            shortest = after - before;
            best = (struct sample){before + shortest / 2, lapic, pit};
        }
    }
    return best;
}

static void measure(u64 *tsc_hz, u64 *lapic_hz)
{
    struct sample a = take_sample();
    u32 patience = PIT_PATIENCE;
    while ((u16)(a.pit - pit_count()) < WINDOW) {
        if (!--patience)
            panic("clock: the PIT does not count");
    }
    struct sample b = take_sample();
    u16 elapsed = a.pit - b.pit;
    *tsc_hz = (b.tsc - a.tsc) * PIT_HZ / elapsed;
    *lapic_hz = (u64)(a.lapic - b.lapic) * PIT_HZ / elapsed;
}

// One disturbed try of three does not count.
static u64 median(const u64 v[TRIES])
{
    return MAX(MIN(v[0], v[1]), MIN(MAX(v[0], v[1]), v[2]));
}

// ---- interface ----

void clock_init(void)
{
    u64 tsc_hz[TRIES], lapic_hz[TRIES];
    outb(PORT_B, (inb(PORT_B) & ~2) | 1);
    outb(PIT_CMD, PIT_MODE2);
    outb(PIT_CHANNEL2, 0); // 65536
    outb(PIT_CHANNEL2, 0);
    lapic_timer_set(LVT_MASKED, ~0u); // counts down from its maximum, silently
    for (int i = 0; i < TRIES; i++)
        measure(&tsc_hz[i], &lapic_hz[i]);
    ns_per_tick = (NS_PER_SEC << FRACTION_BITS) / median(tsc_hz);
    lapic_timer_hz = median(lapic_hz);
    if (!lapic_timer_hz)
        panic("clock: the local APIC timer does not count");
    tsc_start = rdtsc();
}

u64 clock_cycles_ns(u64 cycles)
{
    return (unsigned __int128)cycles * ns_per_tick >> FRACTION_BITS;
}

u64 clock_ns(void)
{
    return clock_cycles_ns(rdtsc() - tsc_start);
}

u64 clock_since_entry_ns(void)
{
    return clock_cycles_ns(rdtsc() - boot_tsc);
}

void clock_delay_us(u64 us)
{
    u64 end = clock_ns() + us * 1000;
    while (clock_ns() < end)
        cpu_pause();
}
