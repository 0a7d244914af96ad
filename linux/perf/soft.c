// Software events: things that happen in the kernel itself, and two clocks.
#include "linux/perf/perf.h"
#include "linux/perf/throttle.h"
#include "perf/pmu.h"

static const struct pmu software_pmu;

struct sw_event {
    struct perf_event event; // first
    u64 from;                // of a clock: its running time when it was read last
    // While it is ACTIVE: the next event in sw_active of its CPU, and the pointer to this one.
    struct sw_event *next, **link;
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
    struct sw_event *sw = (struct sw_event *)event;
    sw->link = &this_output_cpu()->sw_active[event->attr.config];
    sw->next = *sw->link;
    if (sw->next)
        sw->next->link = &sw->next;
    *sw->link = sw;
    if (is_clock(event) && perf_samples(event))
        perf_clock_runs(event);
    return 0;
}

static void sw_del(struct perf_event *event)
{
    struct sw_event *sw = (struct sw_event *)event;
    if (sw->next)
        sw->next->link = sw->link;
    *sw->link = sw->next;
}

static const struct pmu software_pmu = {
    .type = PERF_TYPE_SOFTWARE,
    .size = sizeof(struct sw_event),
    .event_init = sw_init,
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

// Takes no lock. IRQs are off, so no event comes or goes meanwhile.
void perf_sw_count(u32 config, u64 nr, struct trapframe *regs, u64 addr)
{
    for (struct sw_event *sw = this_output_cpu()->sw_active[config]; sw; sw = sw->next)
        perf_event_count(&sw->event, nr, regs, addr);
}
