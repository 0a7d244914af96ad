// The answers to perf's upcalls. perf/ tells what happens to events, contexts and CPUs. Here
// samples, records, wakeups and inheritance follow from it.
#include "perf/upcalls.h"
#include "linux/perf/perf.h"
#include "linux/perf/record.h"
#include "linux/perf/ring.h"
#include "linux/perf/sample.h"
#include "linux/perf/wakeup.h"

const size_t perf_output_size = sizeof(struct perf_output);
struct perf_output_cpu perf_output_cpus[MAX_CPUS];

void perf_programs_init(void)
{
    perf_sw_init();
    perf_start_worker();
}

// ---- an event ----

void perf_born(struct perf_event *event)
{
    const struct perf_event_attr *a = &event->attr;
    // Each tick looks at an event with a frequency. Therefore such an event cannot be parked.
    event->is_loose = event->is_loose || (a->freq && a->sample_period && !event->overflow);
    perf_sample_init(event);
    perf_record_account(event, 1);
}

int perf_accepts(const struct perf_event *event)
{
    return perf_sample_check(event);
}

int perf_accepts_member(const struct perf_event *event)
{
    if (!perf_same_clock(event->leader, event))
        return -EINVAL;
    // A sample cannot tell about more members.
    return 1 + event->leader->nr_siblings >= PERF_SAMPLE_GROUP_MAX ? -E2BIG : 0;
}

void perf_ends(struct perf_event *event)
{
    perf_release_children(event);
}

void perf_left(struct perf_event *event)
{
    perf_trap_forget(event);
}

void perf_gone(struct perf_event *event)
{
    if (!event->parent) {
        perf_work_finish(event);
        perf_buffer_detach(event);
    } else {
        __atomic_fetch_sub(&event->ctx->copied, perf_event_size(event), __ATOMIC_RELAXED);
    }
    perf_record_account(event, -1);
}

void perf_counted(struct perf_event *event, u64 nr, struct trapframe *regs, u64 addr)
{
    perf_sample_count(event, nr, regs, addr);
}

// ---- a CPU ----

static __attribute__((noinline)) void tell_of_leaving(struct task *prev, struct task *next)
{
    perf_sw_event(PERF_COUNT_SW_CONTEXT_SWITCHES, 1, NULL, 0);
    if (perf_record_wanted())
        perf_record_switch(true, prev->state == TASK_RUNNABLE, next);
    if (this_output_cpu()->pending) // the task that left this work may not be back soon
        perf_work_interrupt();
}

// At most switches there is nothing to do. Then this costs one look, and no stack frame.
void perf_task_leaves(struct task *prev, struct task *next)
{
    const struct perf_output_cpu *out = this_output_cpu();
    if (unlikely(out->sw_active[PERF_COUNT_SW_CONTEXT_SWITCHES] || out->pending ||
                 perf_record_wanted()))
        tell_of_leaving(prev, next);
}

static __attribute__((noinline)) void tell_of_arrival(struct task *prev)
{
    const struct perf_event_context *ctx = this_perf_cpu()->task_ctx;
    if (ctx && ctx->traps)
        cpu_set_due(DUE_RETURN);
    if (ctx && ctx->last_cpu < MAX_CPUS && ctx->last_cpu != cpu_id())
        perf_sw_event(PERF_COUNT_SW_CPU_MIGRATIONS, 1, NULL, 0);
    if (perf_record_wanted())
        perf_record_switch(false, false, prev);
}

void perf_task_arrived(struct task *prev)
{
    const struct perf_event_context *ctx = this_perf_cpu()->task_ctx;
    if (unlikely((ctx && (ctx->traps || ctx->last_cpu != cpu_id())) || perf_record_wanted()))
        tell_of_arrival(prev);
}
