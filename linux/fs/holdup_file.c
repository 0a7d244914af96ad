// /proc/holdups of debug builds: what holds up others, one place a line.
#include "arch/x86/holdup.h"

#ifdef DEBUG
#include "arch/x86/platform.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "linux/fs/procfs.h"

static const struct kind {
    const char *name;
    bool time; // cycles, shown in ns
} kinds[NR_HOLDUPS] = {
    [HOLDUP_IRQS] = {"irqs-off", true},
    [HOLDUP_PREEMPT] = {"preempt-off", true},
    [HOLDUP_SPIN] = {"spin", false},
    [HOLDUP_IPI] = {"ipi", false},
};

static void show_place(struct text *t, const struct kind *k, const struct holdup *h)
{
    if (!h->from)
        return;
    text_add(t, "%s %lu %lu %lu %pS", k->name, k->time ? clock_cycles_ns(h->most) : h->most,
             h->times, k->time ? clock_cycles_ns(h->total) : h->total, (void *)h->from);
    if (h->to)
        text_add(t, " %pS", (void *)h->to);
    text_add(t, "\n");
}

void holdups_show(struct text *t, u64)
{
    text_add(t, "kind most times total from to (ns, rounds, CPUs); %s, lost %lu\n",
             holdup_on ? "on" : "off", holdups_lost);
    for (u32 kind = 0; kind < NR_HOLDUPS; kind++)
        for (u32 i = 0; i < HOLDUP_PLACES; i++)
            show_place(t, &kinds[kind], &holdups[kind][i]);
}

int holdups_store(const char *text, u64)
{
    bool on = !strcmp(text, "on");
    if (!on && strcmp(text, "off"))
        return -EINVAL;
    holdup_switch(on);
    return 0;
}
#endif
