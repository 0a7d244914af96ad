// Files that only debug builds have. /proc/holdups says which places in the code hold up others,
// one on each line. With /proc/sys/kernel/fail_nth a test lets an allocation fail.
#ifdef DEBUG
#include "kernel/checks/failure.h"
#include "kernel/checks/holdup.h"
#include "linux/fs/procfs.h"
#include "linux/fs/upcalls.h"

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

static void show_holdups(struct text *t, u64)
{
    text_add(t, "kind most times total from to (ns, rounds, CPUs); %s, lost %lu\n",
             holdup_on ? "on" : "off", holdups_lost);
    for (u32 kind = 0; kind < NR_HOLDUPS; kind++)
        for (u32 i = 0; i < HOLDUP_PLACES; i++)
            show_place(t, &kinds[kind], &holdups[kind][i]);
}

static int store_holdups(const char *text, u64)
{
    bool on = !strcmp(text, "on");
    if (!on && strcmp(text, "off"))
        return -EINVAL;
    holdup_switch(on);
    return 0;
}

static void show_fail_nth(struct text *t, u64)
{
    u64 callers[MM_FAILURE_CALLERS];
    mm_failure_read_callers(callers);
    text_add(t, "%lu\ncallers", syscall_fail_left());
    for (u32 i = 0; i < MM_FAILURE_CALLERS; i++)
        text_add(t, " %lx", callers[i]);
    text_add(t, "\n");
}

static int store_fail_nth(const char *text, u64)
{
    u64 nth;
    if (!parse_u64(text, &nth))
        return -EINVAL;
    syscall_fail_nth(nth);
    return 0;
}

void debug_files_init(struct node *proc, struct node *sys_kernel)
{
    static const struct gen_file holdups = {"holdups", show_holdups, store_holdups, NULL};
    static const struct gen_file failure = {"fail_nth", show_fail_nth, store_fail_nth, NULL};
    gen_add(proc, &holdups, 0);
    gen_add(sys_kernel, &failure, 0);
}
#endif
