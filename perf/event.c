// Perf events: making and ending, joining and leaving contexts and groups, hits.
#include "kernel/mm/heap.h"
#include "perf/context.h"
#include "perf/pmu.h"
#include "perf/upcalls.h"

static u64 last_id; // atomic

// ---- making ----

struct perf_event *perf_event_alloc(const struct perf_request *r, const struct pmu *pmu,
                                    struct perf_event_context *ctx)
{
    struct perf_row *row = r->task && r->cpu >= 0 ? perf_bound_row(ctx, r->cpu) : &ctx->any;
    struct perf_event *event = row ? kalloc(pmu->size + perf_output_size) : NULL;
    if (!event)
        return ERR_PTR(-ENOMEM);
    event->attr = *r->attr;
    event->pmu = pmu;
    event->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
    event->cpu = r->cpu;
    event->ctx = ctx;
    event->row = row;
    event->leader = r->leader ? r->leader : event;
    event->state = PERF_OFF;
    event->overflow = r->overflow;
    event->overflow_arg = r->arg;
    event->is_loose = !pmu->limited;
    event->output = (void *)((u8 *)event + pmu->size);
    list_init(&event->siblings);
    list_init(&event->children);
    if (r->task) {
        task_get(r->task);
        event->target = r->task;
    }
    perf_born(event);
    return event;
}

void perf_event_unalloc(struct perf_event *event)
{
    perf_gone(event);
    if (event->target)
        task_put(event->target);
    kfree(event);
}

void perf_event_free(struct perf_event *event)
{
    event->pmu->destroy(event);
    perf_event_unalloc(event);
}

// A group counts one task or one CPU, and only its leader says how it is placed. perf_mutex is
// held, because without it the leader could leave its context and the group could grow.
static int check_leader(const struct perf_event *event)
{
    const struct perf_event *leader = event->leader;
    if (leader == event)
        return 0;
    if (leader->leader != leader || leader->ctx != event->ctx || leader->cpu != event->cpu ||
        event->attr.exclusive || event->attr.pinned)
        return -EINVAL;
    return perf_accepts_member(event);
}

static int join(struct perf_event *event)
{
    mutex_lock(&perf_mutex);
    int err = check_leader(event);
    if (!err && event->target && event->ctx->nr_events >= PERF_TASK_EVENTS)
        err = -EMFILE;
    if (!err)
        perf_attach(event);
    mutex_unlock(&perf_mutex);
    return err;
}

struct perf_event *perf_event_create(const struct perf_request *r)
{
    if (r->cpu < -1 || r->cpu >= (int)nr_cpus || (r->cpu < 0 && !r->task))
        return ERR_PTR(-EINVAL);
    const struct pmu *pmu = perf_pmu_find(r->attr->type);
    if (!pmu)
        return ERR_PTR(-ENOENT);
    struct perf_event_context *ctx = r->task ? perf_task_context(r->task) : &perf_cpus[r->cpu].ctx;
    if (IS_ERR(ctx))
        return (void *)ctx;
    struct perf_event *event = perf_event_alloc(r, pmu, ctx);
    if (IS_ERR(event))
        return event;

    int err = pmu->event_init(event, r->pmu_arg);
    if (err) {
        perf_event_unalloc(event);
        return ERR_PTR(err);
    }
    bool away = r->cpu >= 0 && !r->wait_for_cpu && !cpu_is_online(r->cpu);
    err = perf_accepts(event);
    if (!err)
        err = away ? -ENODEV : join(event);
    if (err) {
        perf_event_free(event);
        return ERR_PTR(err);
    }
    perf_ctx_start(ctx);
    return event;
}

struct perf_event *perf_event_create_kernel_counter(const struct perf_event_attr *attr, int cpu,
                                                    struct task *task, perf_overflow_fn overflow,
                                                    void *arg)
{
    struct perf_request r = {
        .attr = attr, .cpu = cpu, .task = task, .overflow = overflow, .arg = arg};
    return perf_event_create(&r);
}

void perf_event_release_kernel(struct perf_event *event)
{
    mutex_lock(&perf_mutex);
    perf_ends(event);
    perf_detach(event);
    mutex_unlock(&perf_mutex);
    perf_event_free(event);
}

// ---- membership ----

static void attach(struct perf_event *event, void *)
{
    struct perf_event_context *ctx = event->ctx;
    if (event->leader != event) {
        list_add_tail(&event->node, &event->leader->siblings);
        event->leader->nr_siblings++;
    } else {
        list_add_tail(&event->node, event->attr.pinned ? &ctx->pinned : &ctx->flexible);
    }
    ctx->nr_events++;
    if (!event->attr.disabled)
        perf_set_state(event, PERF_INACTIVE); // its times start here
}

void perf_attach(struct perf_event *event)
{
    perf_ctx_run(event, attach, NULL);
}

static void detach(struct perf_event *event, void *)
{
    struct perf_event_context *ctx = event->ctx;
    struct perf_event *sibling, *next;
    perf_set_state(event, PERF_OFF);
    perf_left(event);
    list_del(&event->node);
    ctx->nr_events--;
    if (event->leader != event) {
        event->leader->nr_siblings--;
        perf_file(event->leader);
        event->leader = event;
    }
    list_for_each_safe (sibling, next, &event->siblings, node) {
        list_del(&sibling->node);
        sibling->leader = sibling;
        list_add_tail(&sibling->node, &ctx->flexible);
        perf_file(sibling);
    }
}

void perf_detach(struct perf_event *event)
{
    perf_ctx_run(event, detach, NULL);
}

// ---- hitting ----

// A function of its own, so that a hit which only counts needs no stack frame.
static __attribute__((noinline)) bool tell(struct perf_event *event, u64 nr, struct trapframe *regs,
                                           u64 addr)
{
    if (event->overflow)
        event->overflow(event, regs);
    else
        perf_counted(event, nr, regs, addr);
    return true;
}

bool perf_event_count(struct perf_event *event, u64 nr, struct trapframe *regs, u64 addr)
{
    if (event->state != PERF_ACTIVE || !event->ctx->running || event->stopped)
        return false;
    bool user = regs && from_user(regs);
    if (user ? event->attr.exclude_user : event->attr.exclude_kernel)
        return false;
    __atomic_fetch_add(&event->count, nr, __ATOMIC_RELAXED);
    bool counts_only = !event->overflow && !event->attr.sample_period;
    return likely(counts_only) || tell(event, nr, regs, addr);
}
