// The breakpoint API: register, modify, unregister; for a task, and wide.
#include "hwbp/reserve.h"
#include "hwbp/validate.h"
#include "kernel/base/errno.h"
#include "kernel/mm/heap.h"
#include "sched/sched.h"

struct perf_event *hwbp_register_user(const struct perf_event_attr *attr, struct task *task,
                                      perf_overflow_fn fn, void *arg)
{
    struct perf_event_attr disabled = *attr;
    disabled.disabled = 1; // nothing may fire before it is marked as the thread's
    struct perf_event *event = perf_event_create_kernel_counter(&disabled, -1, task, fn, arg);
    if (IS_ERR(event))
        return event;
    event->bp.thread = true;
    event->attr.disabled = attr->disabled;
    if (!attr->disabled)
        perf_event_enable(event);
    return event;
}

void hwbp_unregister(struct perf_event *event)
{
    perf_event_release_kernel(event);
}

// ---- modify ----

static void apply_bp(struct perf_event *event, void *arg)
{
    const struct perf_event *wanted = arg;
    event->attr = wanted->attr;
    event->bp.addr = wanted->bp.addr;
    event->bp.type = wanted->bp.type;
    event->bp.len = wanted->bp.len;
}

int hwbp_modify(struct perf_event *event, u64 addr, u32 bp_type, u64 bp_len)
{
    // Everything is decided on a copy; the slot weighs the same for all types and is never given
    // up.
    struct perf_event wanted = {.attr = event->attr};
    wanted.attr.bp_addr = addr;
    wanted.attr.bp_type = bp_type;
    wanted.attr.bp_len = bp_len;
    int err = hwbp_parse(&wanted.attr, &wanted.bp);
    if (err)
        return err;
    perf_event_edit(event, apply_bp, &wanted);
    return 0;
}

// ---- wide ----

struct hwbp_wide {
    struct bp_claim claim;
    struct perf_event *event[MAX_CPUS]; // NULL where the CPU is not online
};

static void release_events(struct hwbp_wide *wide)
{
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        if (wide->event[cpu])
            perf_event_release_kernel(wide->event[cpu]);
}

// All disabled at first: they are armed only when every CPU has its own.
static int create_events(struct hwbp_wide *wide, const struct perf_event_attr *attr,
                         perf_overflow_fn fn, void *arg)
{
    struct perf_event_attr disabled = *attr;
    disabled.disabled = 1;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        if (!cpu_is_online(cpu))
            continue;
        struct perf_event *event = perf_event_create(&disabled, cpu, NULL, fn, arg, &wide->claim);
        if (IS_ERR(event))
            return PTR_ERR(event);
        wide->event[cpu] = event;
    }
    return 0;
}

struct hwbp_wide *hwbp_register_wide(const struct perf_event_attr *attr, perf_overflow_fn fn,
                                     void *arg)
{
    struct hwbp_wide *wide = kalloc(sizeof(*wide));
    if (!wide)
        return ERR_PTR(-ENOMEM);
    wide->claim = (struct bp_claim){.cpu = -1, .pinned = attr->pinned};
    int err = claim_reserve(&wide->claim); // all CPUs in one step
    if (err)
        goto free_wide;
    err = create_events(wide, attr, fn, arg);
    if (err)
        goto release;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        if (wide->event[cpu] && !attr->disabled)
            perf_event_enable(wide->event[cpu]);
    return wide;

release:
    release_events(wide);
    claim_release(&wide->claim);
free_wide:
    kfree(wide);
    return ERR_PTR(err);
}

void hwbp_unregister_wide(struct hwbp_wide *wide)
{
    release_events(wide);
    claim_release(&wide->claim);
    kfree(wide);
}

u64 hwbp_wide_count(struct hwbp_wide *wide)
{
    u64 sum = 0;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        if (wide->event[cpu])
            sum += perf_event_read_value(wide->event[cpu], NULL, NULL);
    return sum;
}
