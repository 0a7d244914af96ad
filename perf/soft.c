// Software events: what the kernel itself sees happen, and two clocks.
#include "arch/x86/platform.h"
#include "kernel/base/errno.h"
#include "perf/context.h"
#include "perf/pmu.h"
#include "sched/sched.h"

static const struct pmu software_pmu;

static bool is_clock(const struct perf_event *event)
{
    return event->attr.config <= PERF_COUNT_SW_TASK_CLOCK;
}

bool perf_is_clock(const struct perf_event *event)
{
    return event->pmu == &software_pmu && is_clock(event);
}

static int sw_init(struct perf_event *event)
{
    return event->attr.config < PERF_COUNT_SW_NR ? 0 : -ENOENT;
}

static int sw_inherit(struct perf_event *event)
{
    (void)event;
    return 0;
}

static void sw_destroy(struct perf_event *event)
{
    (void)event;
}

// cpu-clock and task-clock differ only in whose context they are in: both are the time they ran.
static void sw_read(struct perf_event *event)
{
    if (!is_clock(event))
        return;
    u64 ran = event->total_running - event->clock_start;
    event->clock_start = event->total_running;
    __atomic_fetch_add(&event->count, ran, __ATOMIC_RELAXED);
}

static int sw_add(struct perf_event *event)
{
    this_perf_cpu()->sw_active[event->attr.config]++;
    return 0;
}

static void sw_del(struct perf_event *event)
{
    this_perf_cpu()->sw_active[event->attr.config]--;
}

static const struct pmu software_pmu = {
    .type = PERF_TYPE_SOFTWARE,
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

static void count_one(struct perf_event *event, u32 config, u64 nr, struct trapframe *regs,
                      u64 addr)
{
    if (event->pmu != &software_pmu || event->attr.config != config)
        return;
    perf_event_count(event, nr, regs, addr);
}

static void count_in(struct list *leaders, u32 config, u64 nr, struct trapframe *regs, u64 addr)
{
    struct perf_event *leader, *sibling;
    list_for_each (leader, leaders, node) {
        count_one(leader, config, nr, regs, addr);
        list_for_each (sibling, &leader->siblings, node)
            count_one(sibling, config, nr, regs, addr);
    }
}

// IRQs are off and both contexts run here, so nobody changes the lists (C1).
static void count_here(u32 config, u64 nr, struct trapframe *regs, u64 addr)
{
    struct perf_cpu *pc = this_perf_cpu();
    count_in(&pc->ctx.pinned, config, nr, regs, addr);
    count_in(&pc->ctx.flexible, config, nr, regs, addr);
    if (pc->task_ctx) {
        count_in(&pc->task_ctx->pinned, config, nr, regs, addr);
        count_in(&pc->task_ctx->flexible, config, nr, regs, addr);
    }
}

void perf_sw_event(u32 config, u64 nr, struct trapframe *regs, u64 addr)
{
    if (unlikely(this_perf_cpu()->sw_active[config]))
        count_here(config, nr, regs, addr);
}
