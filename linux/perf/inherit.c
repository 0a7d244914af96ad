// What the life of a task does to its events. fork copies the events that are inherited. exec
// enables or ends the events that ask for it. The end of a task adds the counts of copies to their
// originals.
#include "linux/perf/perf.h"
#include "hwbp/hwbp.h"
#include "perf/pmu.h"
#include "linux/perf/record.h"
#include "linux/perf/upcalls.h"

// ---- copies ----

// A copy of `event` for `task`, in the task's context. With leader NULL the copy is a leader.
static struct perf_event *copy_event(struct perf_event *event, struct task *task,
                                     struct perf_event_context *ctx, struct perf_event *leader)
{
    struct perf_request r = {
        .attr = &event->attr,
        .cpu = event->cpu,
        .task = task,
        .leader = leader,
        .overflow = event->overflow,
        .arg = event->overflow_arg,
    };
    struct perf_event *copy = perf_event_alloc(&r, event->pmu, ctx);
    if (IS_ERR(copy))
        return copy;
    copy->parent = perf_original(event);
    __atomic_fetch_add(&ctx->copied, perf_event_size(copy), __ATOMIC_RELAXED);
    // The copy is enabled if the event is enabled now, however the event was opened.
    copy->attr.disabled = event->state < PERF_INACTIVE;
    int err = event->pmu->event_init(copy, NULL);
    if (err) {
        perf_event_unalloc(copy);
        return ERR_PTR(err);
    }
    perf_attach(copy);
    list_add_tail(&copy->child_node, &copy->parent->children);
    return copy;
}

struct fork {
    struct task *child;
    struct perf_event_context *ctx; // the child's; NULL: not asked for yet
    bool thread;
    int err;
};

static bool inherits(const struct perf_event *event, bool thread)
{
    return event->attr.inherit && event->state != PERF_EXIT &&
           (thread || !event->attr.inherit_thread);
}

static void copy_groups(struct list *leaders, struct fork *f)
{
    struct perf_event *event, *sibling;
    list_for_each (event, leaders, node) {
        if (f->err || !inherits(event, f->thread))
            continue;
        if (!f->ctx)
            f->ctx = perf_task_context(f->child);
        if (IS_ERR(f->ctx)) {
            f->err = PTR_ERR(f->ctx);
            return;
        }
        struct perf_event *leader = copy_event(event, f->child, f->ctx, NULL);
        if (IS_ERR(leader)) {
            f->err = PTR_ERR(leader);
            return;
        }
        list_for_each (sibling, &event->siblings, node) {
            if (f->err || !inherits(sibling, f->thread))
                continue;
            struct perf_event *copy = copy_event(sibling, f->child, f->ctx, leader);
            if (IS_ERR(copy))
                f->err = PTR_ERR(copy);
        }
    }
}

// Ends a copy. Its count goes to the original.
void perf_child_ends(struct perf_event *child)
{
    struct perf_event *parent = child->parent;
    perf_detach(child);
    if (child->pmu->read)
        child->pmu->read(child);
    parent->child_count += child->count;
    parent->child_enabled += child->total_enabled;
    parent->child_running += child->total_running;
    list_del(&child->child_node);
    perf_event_free(child);
}

static void drop_copy(struct perf_event *event, void *)
{
    if (event->parent)
        perf_child_ends(event);
}

static void copy_ends_with_task(struct perf_event *event, void *)
{
    if (!event->parent)
        return;
    perf_record_read(event);
    perf_child_ends(event);
}

void perf_release_children(struct perf_event *event)
{
    struct perf_event *child, *next;
    list_for_each_safe (child, next, &event->children, child_node)
        perf_child_ends(child);
}

u64 perf_task_weight(const struct task *t)
{
    const struct perf_event_context *ctx = __atomic_load_n(&t->perf_ctx, __ATOMIC_ACQUIRE);
    return ctx ? __atomic_load_n(&ctx->copied, __ATOMIC_RELAXED) : 0;
}

// ---- fork ----

int perf_fork(struct task *child, bool thread)
{
    struct perf_event_context *ctx = current_task()->perf_ctx;
    struct fork f = {.child = child, .thread = thread};
    if (!ctx || !ctx->nr_events)
        return 0;
    mutex_lock(&perf_mutex);
    copy_groups(&ctx->pinned, &f);
    copy_groups(&ctx->flexible, &f);
    mutex_unlock(&perf_mutex);
    if (f.err)
        perf_fork_failed(child);
    return f.err;
}

void perf_fork_failed(struct task *child)
{
    if (!child->perf_ctx)
        return;
    mutex_lock(&perf_mutex);
    perf_for_each_event(child->perf_ctx, drop_copy, NULL);
    mutex_unlock(&perf_mutex);
}

// ---- exit ----

void perf_exit_task(struct task *t)
{
    ASSERT(t == current_task());
    perf_record_exit();
    perf_task_ends(t);
    struct perf_event_context *ctx = t->perf_ctx;
    if (ctx == &perf_ended)
        return;
    mutex_lock(&perf_mutex);
    perf_for_each_event(ctx, copy_ends_with_task, NULL);
    mutex_unlock(&perf_mutex);
    perf_fd_wake(); // poll(2) reports the end of its events
}

// ---- exec ----

static void retire(struct perf_event *event, void *)
{
    perf_set_state(event, PERF_EXIT);
}

static void at_exec(struct perf_event *event, void *)
{
    if (event->attr.remove_on_exec) {
        if (event->parent)
            perf_child_ends(event);
        else
            perf_ctx_run(event, retire, NULL);
    } else if (event->attr.enable_on_exec) {
        event->attr.enable_on_exec = 0;
        perf_ctx_run(event, perf_set_enabled, NULL);
    }
}

void perf_exec(struct task *t)
{
    ASSERT(t == current_task());
    if (!t->perf_ctx)
        return;
    mutex_lock(&perf_mutex);
    perf_for_each_event(t->perf_ctx, at_exec, NULL);
    mutex_unlock(&perf_mutex);
}
