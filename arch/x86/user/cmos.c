// The CMOS clock: what the time is, for programs.
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "arch/x86/user/devices.h"

#define CMOS_INDEX   0x70
#define CMOS_DATA    0x71
#define CMOS_NMI_OFF 0x80

static u64 boot_epoch;

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

void clock_init_epoch(void)
{
    u64 now = cmos_epoch();
    boot_epoch = now - clock_ns() / NS_PER_SEC;
}

u64 clock_boot_epoch(void)
{
    return boot_epoch;
}
