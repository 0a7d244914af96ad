// Keeps samples few enough: an event may overflow only so often in a tick, and periods follow a
// frequency.
#include "linux/perf/perf.h"
#include "linux/perf/throttle.h"
#include "arch/x86/platform.h"
#include "linux/perf/record.h"
#include "linux/perf/sample.h"

#define DEFAULT_RATE 1000000ull // a second; programs that do real work stay far below
#define SMOOTHING    8          // a period moves by 1/8 of the difference to the right one

static u64 max_rate = DEFAULT_RATE;

u64 perf_max_sample_rate(void)
{
    return __atomic_load_n(&max_rate, __ATOMIC_RELAXED);
}

int perf_set_max_sample_rate(u64 rate)
{
    if (!rate || rate > INT32_MAX)
        return -EINVAL;
    __atomic_store_n(&max_rate, rate, __ATOMIC_RELAXED);
    return 0;
}

// ---- the cap ----

// The number of this CPU's present tick. No other tick of any CPU has the same number.
static u64 this_tick(void)
{
    return this_output_cpu()->ticks * MAX_CPUS + cpu_id();
}

static void go_on(struct perf_event *event)
{
    event->output->throttled = false;
    perf_record_throttle(event, PERF_RECORD_UNTHROTTLE);
}

bool perf_may_overflow(struct perf_event *event)
{
    struct perf_output *out = event->output;
    u64 tick = this_tick();
    if (out->tick != tick) {
        out->tick = tick;
        out->in_tick = 0;
        if (out->throttled) // the event was not here when the tick came
            go_on(event);
    }
    if (out->throttled)
        return false;
    if (++out->in_tick >= (perf_max_sample_rate() + HZ - 1) / HZ) {
        out->throttled = true; // this overflow is the last one
        perf_record_throttle(event, PERF_RECORD_THROTTLE);
    }
    return true;
}

// ---- frequencies ----

static void follow_rate(struct perf_event *event, u64 now)
{
    struct perf_output *out = event->output;
    u64 passed = now - out->freq_time, counted = event->count - out->freq_count;
    bool first = !out->freq_time;
    out->freq_time = now;
    out->freq_count = event->count;
    // The event was elsewhere or off for some time, or its count was reset. Begin to measure anew.
    if (first || passed > 2 * NS_PER_SEC / HZ || (s64)counted < 0)
        return;
    u64 wanted = counted * (NS_PER_SEC / event->attr.sample_period) / passed;
    s64 step = (s64)(wanted - out->period);
    step = (step + (step < 0 ? -(SMOOTHING - 1) : SMOOTHING - 1)) / SMOOTHING;
    out->period = MAX((s64)out->period + step, 1);
    out->left = MIN(out->left, (s64)out->period);
}

// ---- the tick ----

struct tick {
    u64 now, next_clock;
};

static void tick_one(struct perf_event *event, void *arg)
{
    struct tick *tick = arg;
    if (event->output->throttled)
        go_on(event);
    if (perf_is_clock(event))
        perf_clock_look(event, &tick->next_clock);
    else if (event->attr.freq)
        follow_rate(event, tick->now);
}

void perf_sample_tick(void)
{
    struct tick tick = {.now = clock_ns(), .next_clock = UINT64_MAX};
    this_output_cpu()->ticks++;
    perf_for_each_sampling(tick_one, &tick);
    perf_clocks_seen(tick.now, tick.next_clock);
}
