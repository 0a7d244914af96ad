// Perf events: making, reading, hitting and ending them.
#include "kernel/base/errno.h"
#include "kernel/mm/heap.h"
#include "perf/context.h"
#include "perf/pmu.h"
#include "sched/sched.h"

static u64 last_id; // atomic

// ---- making ----

static int attach(struct perf_event *event, void *arg)
{
    struct perf_event_context *ctx = event->ctx;
    (void)arg;
    if (ctx->dead)
        return -ESRCH;
    list_add_tail(&event->node, event->attr.pinned ? &ctx->pinned : &ctx->flexible);
    ctx->nr_events++;
    event->state = PERF_OFF;
    perf_update_times(event); // the event's clock starts here
    if (!event->attr.disabled)
        perf_set_state(event, PERF_INACTIVE);
    return 0;
}

static int detach(struct perf_event *event, void *arg)
{
    (void)arg;
    perf_set_state(event, PERF_OFF);
    list_del(&event->node);
    event->ctx->nr_events--;
    return 0;
}

struct perf_event *perf_event_create(const struct perf_event_attr *attr, int cpu, struct task *task,
                                     perf_overflow_fn overflow, void *arg, struct bp_claim *claim)
{
    int err = -EINVAL;
    if (cpu < -1 || cpu >= (int)nr_cpus || (cpu < 0 && !task))
        return ERR_PTR(-EINVAL);
    const struct pmu *pmu = perf_pmu_find(attr->type);
    if (!pmu)
        return ERR_PTR(-ENOENT);
    struct perf_event *event = kalloc(sizeof(*event));
    if (!event)
        return ERR_PTR(-ENOMEM);

    event->attr = *attr;
    event->pmu = pmu;
    event->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
    event->cpu = cpu;
    event->oncpu = -1;
    event->state = PERF_OFF;
    event->overflow = overflow;
    event->overflow_arg = arg;
    event->bp.claim = claim;
    list_init(&event->node);

    event->ctx = task ? perf_task_context(task) : &perf_cpus[cpu].ctx;
    if (IS_ERR(event->ctx)) {
        err = PTR_ERR(event->ctx);
        goto free_event;
    }
    if (task) {
        task_get(task);
        event->target = task;
    }
    err = pmu->event_init(event);
    if (err)
        goto put_target;
    err = -ENODEV;
    if (cpu >= 0 && !cpu_is_online(cpu))
        goto destroy;
    err = perf_ctx_run(event, attach, NULL);
    if (err)
        goto destroy;
    perf_ctx_start(event->ctx);
    return event;

destroy:
    pmu->destroy(event);
put_target:
    if (task)
        task_put(task);
free_event:
    kfree(event);
    return ERR_PTR(err);
}

struct perf_event *perf_event_create_kernel_counter(const struct perf_event_attr *attr, int cpu,
                                                    struct task *task, perf_overflow_fn overflow,
                                                    void *arg)
{
    return perf_event_create(attr, cpu, task, overflow, arg, NULL);
}

void perf_event_release_kernel(struct perf_event *event)
{
    perf_ctx_run(event, detach, NULL);
    event->pmu->destroy(event);
    if (event->target)
        task_put(event->target);
    kfree(event);
}

// ---- hitting ----

bool perf_event_hit(struct perf_event *event, struct trapframe *regs)
{
    if (event->state != PERF_ACTIVE || event->oncpu != (s32)cpu_id())
        return false;
    if (from_user(regs) ? event->attr.exclude_user : event->attr.exclude_kernel)
        return false;
    __atomic_fetch_add(&event->count, 1, __ATOMIC_RELAXED);
    if (event->overflow)
        event->overflow(event, regs);
    return true;
}

// ---- reading and steering ----

u64 perf_event_read_value(struct perf_event *event, u64 *enabled, u64 *running)
{
    u64 flags = spin_lock_irqsave(&event->ctx->lock);
    perf_update_times(event);
    if (enabled)
        *enabled = event->total_enabled;
    if (running)
        *running = event->total_running;
    u64 count = __atomic_load_n(&event->count, __ATOMIC_RELAXED);
    spin_unlock_irqrestore(&event->ctx->lock, flags);
    return count;
}

void perf_event_reset(struct perf_event *event)
{
    __atomic_store_n(&event->count, 0, __ATOMIC_RELAXED);
}

static int set_enabled(struct perf_event *event, void *arg)
{
    (void)arg;
    if (event->state == PERF_OFF || event->state == PERF_ERROR)
        perf_set_state(event, PERF_INACTIVE);
    return 0;
}

static int set_disabled(struct perf_event *event, void *arg)
{
    (void)arg;
    if (event->state != PERF_EXIT)
        perf_set_state(event, PERF_OFF);
    return 0;
}

static int set_retired(struct perf_event *event, void *arg)
{
    (void)arg;
    perf_set_state(event, PERF_EXIT);
    return 0;
}

void perf_event_retire(struct perf_event *event)
{
    perf_ctx_run(event, set_retired, NULL);
}

void perf_event_enable(struct perf_event *event)
{
    perf_ctx_run(event, set_enabled, NULL);
}

void perf_event_disable(struct perf_event *event)
{
    perf_ctx_run(event, set_disabled, NULL);
}

struct edit {
    void (*fn)(struct perf_event *, void *);
    void *arg;
};

static int run_edit(struct perf_event *event, void *arg)
{
    struct edit *e = arg;
    e->fn(event, e->arg);
    return 0;
}

void perf_event_edit(struct perf_event *event, void (*fn)(struct perf_event *, void *), void *arg)
{
    struct edit e = {fn, arg};
    perf_ctx_run(event, run_edit, &e);
}
