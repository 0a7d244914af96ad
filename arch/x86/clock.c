// Time: the TSC, measured once against the PIT, whose frequency is the same in every PC. The
// local APIC timer is measured along with it. The TSCs of all CPUs are taken to run together.

#include "arch/x86/apic_regs.h"
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "arch/x86/upcalls.h"

#define PIT_HZ       1193182u
#define PIT_CHANNEL0 0x40
#define PIT_CHANNEL2 0x42
#define PIT_CMD      0x43
#define PIT_LATCH2   0x80
#define PIT_MODE2    0xb4 // channel 2, low then high byte, mode 2: counts down and starts over
#define PIT_BEAT     0x34 // the same of channel 0, whose end of a period is interrupt 0
#define PORT_B       0x61 // bit 0: gate of channel 2, bit 1: loudspeaker
#define WINDOW       (PIT_HZ / 200) // 5 ms; the counter wraps after 55
#define TRIES        3
#define READS        8
#define PIT_PATIENCE 10000000u

#define CMOS_INDEX   0x70
#define CMOS_DATA    0x71
#define CMOS_NMI_OFF 0x80

#define NS_PER_SEC    1000000000ull
#define FRACTION_BITS 32

u32 lapic_timer_hz;

extern u64 boot_tsc; // boot.asm

static u64 tsc_start;
static u64 ns_per_tick; // with FRACTION_BITS bits after the point
static u64 boot_epoch;

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
        u32 lapic = lapic_timer_count();
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

// ---- CMOS clock ----

static u8 cmos_read(u8 reg)
{
    outb(CMOS_INDEX, CMOS_NMI_OFF | reg);
    u8 v = inb(CMOS_DATA);
    outb(CMOS_INDEX, 0);
    return v;
}

enum { SECOND, MINUTE, HOUR, DAY, MONTH, YEAR, FIELDS };

static const u8 field_reg[FIELDS] = {0, 2, 4, 7, 8, 9};

#define STATUS_A        10
#define STATUS_B        11
#define STATUS_A_UPDATE 0x80
#define STATUS_B_BINARY 0x04
#define STATUS_B_24H    0x02
#define HOUR_PM         0x80

static void cmos_fields(u8 *f)
{
    while (cmos_read(STATUS_A) & STATUS_A_UPDATE)
        cpu_pause();
    for (int i = 0; i < FIELDS; i++)
        f[i] = cmos_read(field_reg[i]);
}

// Days since 1970-01-01. Years are taken to begin in March, so that the leap day is the last.
static u64 days_since_epoch(u32 year, u32 month, u32 day)
{
    u32 y = month > 2 ? year : year - 1;
    u32 m = (month + 9) % 12;
    return 365ull * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 719469;
}

static u64 cmos_epoch(void)
{
    u8 f[FIELDS], again[FIELDS];
    do { // until no update came between
        cmos_fields(f);
        cmos_fields(again);
    } while (__builtin_memcmp(f, again, FIELDS));

    u8 mode = cmos_read(STATUS_B);
    bool pm = !(mode & STATUS_B_24H) && (f[HOUR] & HOUR_PM);
    f[HOUR] &= ~HOUR_PM;
    for (int i = 0; i < FIELDS && !(mode & STATUS_B_BINARY); i++)
        f[i] = (f[i] >> 4) * 10 + (f[i] & 15);
    if (!(mode & STATUS_B_24H))
        f[HOUR] = f[HOUR] % 12 + (pm ? 12 : 0);
    return days_since_epoch(2000 + f[YEAR], f[MONTH], f[DAY]) * 86400 + f[HOUR] * 3600 +
           f[MINUTE] * 60 + f[SECOND];
}

// ---- interface ----

void clock_init(void)
{
    u64 tsc_hz[TRIES], lapic_hz[TRIES];
    outb(PORT_B, (inb(PORT_B) & ~2) | 1);
    outb(PIT_CMD, PIT_MODE2);
    outb(PIT_CHANNEL2, 0); // 65536
    outb(PIT_CHANNEL2, 0);
    lapic_timer_free_run();
    for (int i = 0; i < TRIES; i++)
        measure(&tsc_hz[i], &lapic_hz[i]);
    ns_per_tick = (NS_PER_SEC << FRACTION_BITS) / median(tsc_hz);
    lapic_timer_hz = median(lapic_hz);
    if (!lapic_timer_hz)
        panic("clock: the local APIC timer does not count");
    boot_epoch = cmos_epoch();
    tsc_start = rdtsc();
}

static u64 ns_since(u64 tsc)
{
    return (unsigned __int128)(rdtsc() - tsc) * ns_per_tick >> FRACTION_BITS;
}

u64 clock_ns(void)
{
    return ns_since(tsc_start);
}

u64 clock_since_entry_ns(void)
{
    return ns_since(boot_tsc);
}

u64 clock_boot_epoch(void)
{
    return boot_epoch;
}

void clock_delay_us(u64 us)
{
    u64 end = clock_ns() + us * 1000;
    while (clock_ns() < end)
        cpu_pause();
}

void watchdog_beat_start(void)
{
    outb(PIT_CMD, PIT_BEAT);
    outb(PIT_CHANNEL0, 0); // 65536
    outb(PIT_CHANNEL0, 0);
    ioapic_route_nmi(0);
}
