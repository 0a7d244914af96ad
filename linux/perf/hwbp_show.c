// /proc/hwbp, version 1: which events hold registers and which wait, the counters, the slots, the
// last refusals (docs/hwbp.md).
#include "arch/x86/smp.h"
#include "hwbp/reserve.h"
#include "kernel/base/ksym.h"
#include "linux/perf/perf.h"
#include "sched/runqueue.h"

static const char *type_name(u8 type)
{
    return type == DR_EXECUTE ? "x" : type == DR_WRITE ? "w" : "rw";
}

// Writes everything about an event that comes after its place.
static void show_event(struct text *t, struct perf_event *event)
{
    u64 offset, share = 0;
    spin_lock(&event->ctx->lock);
    perf_update_times(event);
    if (event->total_enabled)
        share = event->total_running * 1000 / event->total_enabled;
    spin_unlock(&event->ctx->lock);
    if (event->target)
        text_add(t, " task=%u comm=%s", event->target->tid, event->target->comm);
    else
        text_add(t, bp_of(event)->claim->event ? " cpu" : " wide");
    text_add(t, " addr=0x%lx len=%u type=%s %s hits=%lu share=%lu", bp_of(event)->addr,
             bp_of(event)->len, type_name(bp_of(event)->type),
             event->leader->attr.pinned ? "pinned" : "flexible", event->count, share);
    if (bp_of(event)->addr >= TASK_SIZE_MAX && ksym_find(bp_of(event)->addr, &offset))
        text_add(t, " symbol=%pS", (void *)bp_of(event)->addr);
    text_add(t, "\n");
}

static void show_if_waiting(struct perf_event *event, void *arg)
{
    struct text *t = arg;
    bool here = event->cpu < 0 || (u32)event->cpu == cpu_id();
    if (event->pmu->type != PERF_TYPE_BREAKPOINT || event->state != PERF_INACTIVE || !here ||
        event->leader->state != PERF_INACTIVE)
        return;
    text_add(t, "wait %u", cpu_id());
    show_event(t, event);
}

// Runs on the CPU that is shown, IRQs off. So nothing that its contexts hold can change or go away
// meanwhile (C1).
static void show_owners(void *arg)
{
    struct text *t = arg;
    struct perf_cpu *pc = this_perf_cpu();
    for (int reg = 0; reg < HBP_NUM; reg++) {
        struct perf_event *event = this_cpu()->dr.live.slot[reg].owner;
        text_add(t, "reg %u %d%s", cpu_id(), reg, event ? "" : " -\n");
        if (event)
            show_event(t, event);
    }
    perf_for_each_event(&pc->ctx, show_if_waiting, t);
    if (pc->task_ctx)
        perf_for_each_event(pc->task_ctx, show_if_waiting, t);
}

static void show_counters(struct text *t, u32 cpu)
{
    const struct dr_stats *s = &cpus[cpu].dr.stats;
    text_add(t, "cpu %u switches=%lu installs=%lu evictions=%lu writes=%lu addr_writes=%lu db=%lu ",
             cpu, runqueues[cpu].stats.switches, s->installs, s->evictions, s->writes,
             s->addr_writes, s->exceptions);
    text_add(t, "db_writes=%lu spurious=%lu rotations=%lu guest_writes=%lu looks=%lu\n",
             s->db_writes, s->spurious, perf_cpus[cpu].rotations, s->guest_writes,
             perf_cpus[cpu].looks);
}

static void show_slots(struct text *t)
{
    mutex_lock(&claims.mutex);
    for (u32 cpu = 0; cpu < claims.table.nr_cpus; cpu++) {
        const struct slot_cpu *s = &claims.table.cpu[cpu];
        text_add(t, "slots %u cpu_pinned=%u max_task=%u flexible=%u\n", cpu, s->cpu_pinned,
                 slots_max_task(s), s->flexible);
    }
    u64 end = claims.nr_refusals;
    for (u64 n = end - MIN(end, (u64)REFUSALS); n < end; n++)
        text_add(t, "refused %s\n", claims.refusals[n % REFUSALS]);
    mutex_unlock(&claims.mutex);
}

void hwbp_show(struct text *t, u64)
{
    if (!HWBP)
        return;
    text_add(t, "hwbp 1 rules=%s cpus=%u live=%u\n", slots_name(hwbp_rules()), nr_cpus,
             hwbp_live());
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        if (cpu_is_online(cpu))
            smp_call(cpu, show_owners, t);
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        if (cpu_is_online(cpu))
            show_counters(t, cpu);
    show_slots(t);
}
