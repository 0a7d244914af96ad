// The breakpoint API: another address, type or length; and wide breakpoints.
#include "hwbp/reserve.h"
#include "kernel/mm/heap.h"
#include "perf/context.h"

// ---- modify ----

// The slot weighs the same for all places, types and lengths, and is never given up.
static int checked(const struct perf_event *event, u64 addr, u32 bp_type, u64 bp_len,
                   struct perf_event_attr *attr)
{
    *attr = event->attr;
    attr->bp_addr = addr;
    attr->bp_type = bp_type;
    attr->bp_len = bp_len;
    return hwbp_check(event, attr);
}

int hwbp_modify(struct perf_event *event, u64 addr, u32 bp_type, u64 bp_len)
{
    struct perf_event_attr attr;
    int err = checked(event, addr, bp_type, bp_len, &attr);
    if (!err)
        perf_family_run(event, hwbp_apply, &attr);
    return err;
}

// ---- wide ----

struct hwbp_wide {
    struct bp_claim claim;
    struct perf_event *event[MAX_CPUS]; // of every possible CPU
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
        struct perf_request r = {
            .attr = &disabled,
            .cpu = cpu,
            .overflow = fn,
            .arg = arg,
            .pmu_arg = &wide->claim,
            .wait_for_cpu = true,
        };
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
    int err = claim_reserve(&wide->claim, false); // all CPUs in one step
    if (err)
        goto free_wide;
    err = create_events(wide, attr, fn, arg);
    if (err)
        goto release;
    if (!attr->disabled)
        hwbp_wide_enable(wide);
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

struct perf_event *hwbp_wide_event(const struct hwbp_wide *wide, u32 cpu)
{
    return wide->event[cpu];
}

u64 hwbp_wide_count(struct hwbp_wide *wide)
{
    u64 sum = 0;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        sum += perf_event_read_value(wide->event[cpu], NULL, NULL);
    return sum;
}

void hwbp_wide_enable(struct hwbp_wide *wide)
{
    perf_ctx_run_all(wide->event, perf_set_enabled, NULL);
}

void hwbp_wide_disable(struct hwbp_wide *wide)
{
    perf_ctx_run_all(wide->event, perf_set_disabled, NULL);
}

int hwbp_wide_modify(struct hwbp_wide *wide, u64 addr, u32 bp_type, u64 bp_len)
{
    struct perf_event_attr attr;
    int err = checked(wide->event[0], addr, bp_type, bp_len, &attr);
    if (!err)
        perf_ctx_run_all(wide->event, hwbp_apply, &attr);
    return err;
}
