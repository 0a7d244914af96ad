// Software events: things that the kernel itself sees happen, and two clocks.
#include "linux/perf/perf.h"
#include "arch/x86/platform.h"
#include "kernel/base/errno.h"
#include "perf/context.h"
#include "perf/pmu.h"
#include "sched/sched.h"

static const struct pmu software_pmu;

struct sw_event {
    struct perf_event event; // first
    u64 from;                // of a clock: its running time when it was read last
};

static bool is_clock(const struct perf_event *event)
{
    return event->attr.config <= PERF_COUNT_SW_TASK_CLOCK;
}

bool perf_is_clock(const struct perf_event *event)
{
    return event->pmu == &software_pmu && is_clock(event);
}

static int sw_init(struct perf_event *event, void *)
{
    return event->attr.config < PERF_COUNT_SW_NR ? 0 : -ENOENT;
}

static int sw_inherit(struct perf_event *)
{
    return 0;
}

static void sw_destroy(struct perf_event *)
{
}

// cpu-clock and task-clock count the time in which they are ACTIVE. They differ only in the context
// to which they belong.
static void sw_read(struct perf_event *event)
{
    if (!is_clock(event))
        return;
    u64 *from = &((struct sw_event *)event)->from;
    u64 ran = event->total_running - *from;
    *from = event->total_running;
    __atomic_fetch_add(&event->count, ran, __ATOMIC_RELAXED);
}

static int sw_add(struct perf_event *event)
{
    this_output_cpu()->sw_active[event->attr.config]++;
    return 0;
}

static void sw_del(struct perf_event *event)
{
    this_output_cpu()->sw_active[event->attr.config]--;
}

static const struct pmu software_pmu = {
    .type = PERF_TYPE_SOFTWARE,
    .size = sizeof(struct sw_event),
    .event_init = sw_init,
    .event_inherit = sw_inherit,
    .destroy = sw_destroy,
    .add = sw_add,
    .del = sw_del,
    .read = sw_read,
};

void perf_sw_init(void)
{
    perf_pmu_register(&software_pmu);
}

// ---- occurrences ----

struct occurrence {
    u32 config;
    u64 nr, addr;
    struct trapframe *regs;
};

static void count_in(struct perf_event_context *ctx, const struct occurrence *o)
{
    struct perf_event *leader, *event;
    perf_for_each_leader(leader, ctx) perf_for_each_member(
        event, leader) if (event->pmu == &software_pmu && event->attr.config == o->config)
        perf_event_count(event, o->nr, o->regs, o->addr);
}

// Takes no lock: IRQs are off and both contexts run here, so nobody changes their lists (C1).
void perf_sw_count(u32 config, u64 nr, struct trapframe *regs, u64 addr)
{
    const struct occurrence o = {config, nr, addr, regs};
    struct perf_cpu *pc = this_perf_cpu();
    count_in(&pc->ctx, &o);
    if (pc->task_ctx)
        count_in(pc->task_ctx, &o);
}
