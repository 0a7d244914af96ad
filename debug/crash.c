// The kernel goes wrong on request: see crash.h.
#include "debug/crash.h"
#include "kernel/base/cmdline.h"
#include "kernel/base/string.h"
#include "sched/wait.h"

static char *volatile nowhere = (char *)8; // in the first page, which is never mapped

static u64 deeper(volatile u8 *above, u64 levels)
{
    volatile u8 here[256];
    here[0] = *above;
    return levels ? deeper(here, levels - 1) + here[0] : 0;
}

// Never ends. There are no ticks, or there are ticks but not the switch that is due.
static void stand_still(bool ticks)
{
    preempt_disable();
    cpu_set_due(DUE_SWITCH);
    if (!ticks)
        irq_disable();
    for (;;)
        cpu_pause();
}

// Writes one word after an array, over the word that guards the stack.
static __attribute__((noinline)) u64 overrun(void)
{
    u64 words[4];
    volatile u64 *volatile at = words;
    for (u32 i = 0; i <= ARRAY_SIZE(words); i++)
        at[i] = i;
    return *at;
}

// Takes two mutexes against their ranks. Debug builds see this, also when nobody waits.
static void out_of_order(void)
{
    static struct mutex low, high;
    mutex_init(&low, "low", RANK_POSITION);
    mutex_init(&high, "high", RANK_SLOTS);
    mutex_lock(&high);
    mutex_lock(&low);
}

void crash_if_asked(void)
{
    char how[8];
    volatile u8 top = 1;
    if (!cmdline_get("crash", how, sizeof(how)))
        return;
    if (strcmp(how, "null") == 0)
        *nowhere = 0;
    else if (strcmp(how, "nested") == 0)
        panic("a message that cannot be read: %s", nowhere);
    else if (strcmp(how, "stack") == 0)
        deeper(&top, ~0ul);
    else if (strcmp(how, "stuck") == 0)
        stand_still(false);
    else if (strcmp(how, "spin") == 0)
        stand_still(true);
    else if (strcmp(how, "overrun") == 0)
        overrun();
    else if (strcmp(how, "order") == 0)
        out_of_order();
    panic("crash=%s", how);
}
