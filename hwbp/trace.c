// What the trace (sched/trace.h) is told about debug registers: what differs, after a commit, from
// what it was told last. Events come to a register and leave it on several ways; this sees all.
#include "sched/trace.h"
#include "hwbp/pmu.h"
#include "perf/context.h"

// What the trace knows of each CPU's registers; only that CPU looks at it.
static struct told {
    u64 id[HBP_NUM]; // of the event, 0: none
    u64 addr[HBP_NUM];
    u64 writes;
} told[MAX_CPUS];

static void tell_slot(struct told *was, int n, const struct dr_slot *s)
{
    const struct perf_event *event = s->owner;
    u64 id = event ? event->id : 0;
    if (was->id[n] == id && (!id || was->addr[n] == s->addr))
        return;
    if (was->id[n])
        TRACE(TRACE_EVICT, .slot = n, .b = was->id[n]);
    was->id[n] = id;
    was->addr[n] = s->addr;
    if (event)
        TRACE(TRACE_INSTALL, .slot = n, .a = s->addr, .b = id,
              .tid = event->target ? event->target->tid : 0,
              .info = s->len << 4 | s->type | (event->leader->attr.pinned ? TRACE_PINNED : 0));
}

void hwbp_trace_commit(void)
{
    const struct dr_file *d = &this_cpu()->dr;
    struct told *was = &told[cpu_id()];
    for (int n = 0; n < HBP_NUM; n++)
        tell_slot(was, n, &d->live.slot[n]);
    if (d->stats.writes != was->writes)
        TRACE(TRACE_WRITES, .a = d->stats.writes - was->writes, .b = d->live_dr7);
    was->writes = d->stats.writes;
}

void hwbp_trace_hits(const struct dr_hits *hits, u64 ip)
{
    for_each_bit (i, hits->slots) {
        const struct perf_event *event = hits->slot[i].owner;
        TRACE(TRACE_HIT, .slot = i, .a = ip, .b = event->id);
    }
}
