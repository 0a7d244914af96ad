// Samples of cpu-clock and task-clock. When a clock has counted its period, no event tells the
// kernel. So the CPU's timer is asked for an interrupt at that moment.
#include "linux/perf/perf.h"
#include "arch/x86/platform.h"
#include "arch/x86/user/devices.h"
#include "linux/perf/sample.h"
#include "linux/perf/throttle.h"

// The shortest time between two looks at the clocks of a CPU. So a period of twice this time is
// kept, even if an interrupt is late.
#define SHORTEST_NS 50000
// A clock that is so near to its sample gets the sample now, without an interrupt of its own.
#define NEAR_NS (SHORTEST_NS / 2)

static s64 left_now(const struct perf_event *event)
{
    const struct perf_output *out = event->output;
    return out->left - (s64)(event->total_running - out->clock_seen);
}

static u64 moment_of_sample(s64 left, u64 now)
{
    return now + (left > 0 ? (u64)left : 0);
}

static void ask(u64 at)
{
    lapic_timer_sooner(MAX(at, this_output_cpu()->clocks_from));
}

void perf_clock_runs(const struct perf_event *event)
{
    ask(moment_of_sample(left_now(event), clock_ns()));
}

void perf_clock_begin(struct perf_event *event)
{
    perf_update_times(event);
    event->output->clock_seen = event->total_running;
    if (event->state == PERF_ACTIVE)
        perf_clock_runs(event);
}

// ---- the looks ----

// Takes one sample, however late it is. But the periods stay where they are: the next one ends at a
// multiple of the period.
static void take_sample(struct perf_event *event, s64 left)
{
    struct trapframe *regs = this_cpu()->irq_frame;
    struct perf_output *out = event->output;
    bool excluded = from_user(regs) ? event->attr.exclude_user : event->attr.exclude_kernel;
    out->left = 0;
    if (!excluded)
        perf_sample_count(event, 0, regs, 0);
    out->left = (s64)out->period + left % (s64)out->period;
}

void perf_clock_look(struct perf_event *event, u64 *next)
{
    struct perf_output *out = event->output;
    spin_lock(&event->ctx->lock);
    perf_update_times(event);
    event->pmu->read(event);
    out->left = left_now(event);
    out->clock_seen = event->total_running;
    spin_unlock(&event->ctx->lock); // from here on a reader may move the times
    if (out->left < NEAR_NS)
        take_sample(event, out->left);
    *next = MIN(*next, moment_of_sample(out->left, clock_ns()));
}

void perf_clocks_seen(u64 begin, u64 next)
{
    if (next == UINT64_MAX)
        return;
    u64 now = clock_ns();
    // Looks take half of the CPU at most, however many clocks there are.
    this_output_cpu()->clocks_from = MAX(begin + SHORTEST_NS, now + (now - begin));
    ask(next);
}

static void look(struct perf_event *event, void *next)
{
    if (perf_is_clock(event))
        perf_clock_look(event, next);
}

void perf_sample_clocks(void)
{
    u64 begin = clock_ns(), next = UINT64_MAX;
    perf_for_each_sampling(look, &next);
    perf_clocks_seen(begin, next);
}
