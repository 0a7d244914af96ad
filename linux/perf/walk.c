// Walks over the events of a context.
#include "linux/perf/perf.h"
#include "perf/pmu.h"

static void for_each_in(struct list *leaders, void (*fn)(struct perf_event *, void *), void *arg)
{
    struct perf_event *leader, *next_leader, *sibling, *next;
    list_for_each_safe (leader, next_leader, leaders, node) {
        list_for_each_safe (sibling, next, &leader->siblings, node)
            fn(sibling, arg);
        fn(leader, arg);
    }
}

void perf_for_each_event(struct perf_event_context *ctx, void (*fn)(struct perf_event *, void *),
                         void *arg)
{
    for_each_in(&ctx->pinned, fn, arg);
    for_each_in(&ctx->flexible, fn, arg);
}

void perf_for_each_here(void (*fn)(struct perf_event *, void *), void *arg)
{
    struct perf_cpu *pc = this_perf_cpu();
    perf_for_each_event(&pc->ctx, fn, arg);
    if (pc->task_ctx)
        perf_for_each_event(pc->task_ctx, fn, arg);
}

static void for_each_sampling(struct perf_event_context *ctx,
                              void (*fn)(struct perf_event *, void *), void *arg)
{
    struct perf_event *event;
    for (u32 n = 0; n < perf_registers->nr; n++) {
        event = perf_registers->owner(ctx, n);
        if (event && perf_samples(event) && !event->is_loose)
            fn(event, arg);
    }
    list_for_each (event, &ctx->loose, loose_node) {
        if (!perf_samples(event))
            break;
        fn(event, arg);
    }
}

void perf_for_each_sampling(void (*fn)(struct perf_event *, void *), void *arg)
{
    struct perf_cpu *pc = this_perf_cpu();
    pc->walked = true;
    for_each_sampling(&pc->ctx, fn, arg);
    if (pc->task_ctx)
        for_each_sampling(pc->task_ctx, fn, arg);
    pc->walked = false;
}
