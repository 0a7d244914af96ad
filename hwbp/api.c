// The breakpoint API: register, modify, unregister; for a task, and wide.
#include "hwbp/pmu.h"
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
    event->attr.bp_addr = wanted->attr.bp_addr;
    event->attr.bp_type = wanted->attr.bp_type;
    event->attr.bp_len = wanted->attr.bp_len;
    event->bp.addr = wanted->bp.addr;
    event->bp.type = wanted->bp.type;
    event->bp.len = wanted->bp.len;
}

static void edit_one(struct perf_event *event, void *arg)
{
    perf_event_edit(event, apply_bp, arg);
}

// Everything is decided on a copy; the slot weighs the same for all types and is never given up.
// What is right for the event is right for its inherited copies.
int hwbp_modify_attr(struct perf_event *event, const struct perf_event_attr *attr)
{
    struct perf_event wanted = {.attr = *attr};
    int err = hwbp_parse(&wanted.attr, &wanted.bp);
    if (!err)
        perf_event_for_family(event, edit_one, &wanted);
    return err;
}

int hwbp_modify(struct perf_event *event, u64 addr, u32 bp_type, u64 bp_len)
{
    struct perf_event_attr attr = event->attr;
    attr.bp_addr = addr;
    attr.bp_type = bp_type;
    attr.bp_len = bp_len;
    return hwbp_modify_attr(event, &attr);
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
        struct perf_request r = {
            .attr = &disabled, .cpu = cpu, .overflow = fn, .arg = arg, .claim = &wide->claim};
        struct perf_event *event = perf_event_create(&r);
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
