// /proc/hwbp, version 1: who holds which register, the counters, the slots, the last refusal
// (docs/hwbp.md).
#include "arch/x86/smp.h"
#include "hwbp/reserve.h"
#include "kernel/base/ksym.h"
#include "kernel/base/printk.h"
#include "perf/context.h"
#include "sched/sched.h"

struct page_text {
    char *buf;
    size_t size, len;
};

static void __printf(2, 3) add(struct page_text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (t->len < t->size)
        t->len += vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
    t->len = MIN(t->len, t->size);
    va_end(ap);
}

static const char *type_name(u8 type)
{
    return type == DR_EXECUTE ? "x" : type == DR_WRITE ? "w" : "rw";
}

static void show_register(struct page_text *t, u32 cpu, int reg)
{
    const struct perf_event *event = this_cpu()->dr.live[reg].owner;
    u64 offset;
    if (!event) {
        add(t, "reg %u %d -\n", cpu, reg);
        return;
    }
    add(t, "reg %u %d", cpu, reg);
    if (event->target)
        add(t, " task=%u comm=%s", event->target->tid, event->target->comm);
    else
        add(t, event->bp.claim->event ? " cpu" : " wide");
    add(t, " addr=0x%lx len=%u type=%s %s hits=%lu", event->bp.addr, event->bp.len,
        type_name(event->bp.type), event->attr.pinned ? "pinned" : "flexible", event->count);
    if (event->bp.addr >= TASK_SIZE_MAX && ksym_find(event->bp.addr, &offset))
        add(t, " symbol=%pS", (void *)event->bp.addr);
    add(t, "\n");
}

// On the CPU shown, IRQs off: nothing that its registers name can go away meanwhile.
static void show_cpu(void *arg)
{
    struct page_text *t = arg;
    const struct dr_stats *s = &this_cpu()->dr.stats;
    u32 cpu = cpu_id();
    add(t, "cpu %u switches=%lu installs=%lu evictions=%lu writes=%lu addr_writes=%lu db=%lu ", cpu,
        sched_stats(cpu)->switches, s->installs, s->evictions, s->writes, s->addr_writes,
        s->exceptions);
    add(t, "db_writes=%lu spurious=%lu rotations=%lu\n", s->db_writes, s->spurious,
        this_perf_cpu()->rotations);
    for (int reg = 0; reg < HBP_NUM; reg++)
        show_register(t, cpu, reg);
}

size_t hwbp_show(char *buf, size_t size)
{
    struct page_text t = {buf, size, 0};
    char refusal[160];
    add(&t, "hwbp 1 rules=%s cpus=%u live=%u\n", slots_name(hwbp_rules()), nr_cpus, hwbp_live());
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        if (cpu_is_online(cpu))
            smp_call(cpu, show_cpu, &t);
    t.len += claims_show(buf + t.len, size - t.len);
    hwbp_last_refusal(refusal, sizeof(refusal));
    if (refusal[0])
        add(&t, "refused %s\n", refusal);
    return t.len;
}
