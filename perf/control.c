// Steering and reading events, with all their inherited copies.
#include "perf/context.h"

// ---- enable, disable ----

void perf_set_enabled(struct perf_event *event, void *)
{
    event->stopped = false;
    if (event->state == PERF_OFF || event->state == PERF_ERROR)
        perf_set_state(event, PERF_INACTIVE);
}

void perf_set_disabled(struct perf_event *event, void *)
{
    if (event->state != PERF_EXIT)
        perf_set_state(event, PERF_OFF);
}

void perf_event_enable(struct perf_event *event)
{
    perf_family_run(event, perf_set_enabled, NULL);
}

void perf_event_disable(struct perf_event *event)
{
    perf_family_run(event, perf_set_disabled, NULL);
}

// ---- counts ----

void perf_set_zero(struct perf_event *event, void *)
{
    if (event->pmu->read) { // what was measured so far is not measured again
        perf_update_times(event);
        event->pmu->read(event);
    }
    __atomic_store_n(&event->count, 0, __ATOMIC_RELAXED);
}

void perf_event_reset(struct perf_event *event)
{
    perf_family_run(event, perf_set_zero, NULL);
}

// A count is one word, which needs no lock; times, and a count that is measured, do.
static u64 read_with_times(struct perf_event *event, struct perf_times *sum)
{
    u64 flags = spin_lock_irqsave(&event->ctx->lock);
    perf_update_times(event);
    if (event->pmu->read)
        event->pmu->read(event);
    u64 count = __atomic_load_n(&event->count, __ATOMIC_RELAXED);
    if (sum) {
        sum->enabled += event->total_enabled;
        sum->running += event->total_running;
    }
    spin_unlock_irqrestore(&event->ctx->lock, flags);
    return count;
}

static inline u64 read_one(struct perf_event *event, struct perf_times *sum)
{
    if (sum || event->pmu->read)
        return read_with_times(event, sum);
    return __atomic_load_n(&event->count, __ATOMIC_RELAXED);
}

u64 perf_read_locked(struct perf_event *event, struct perf_times *times)
{
    struct perf_event *child;
    if (times)
        *times = (struct perf_times){event->child_enabled, event->child_running};
    u64 count = event->child_count + read_one(event, times);
    list_for_each (child, &event->children, child_node)
        count += read_one(child, times);
    return count;
}

u64 perf_event_read_value(struct perf_event *event, u64 *enabled, u64 *running)
{
    struct perf_times times;
    mutex_lock(&perf_mutex);
    u64 count = perf_read_locked(event, enabled || running ? &times : NULL);
    mutex_unlock(&perf_mutex);
    if (enabled)
        *enabled = times.enabled;
    if (running)
        *running = times.running;
    return count;
}
