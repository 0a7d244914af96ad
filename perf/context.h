// Perf contexts: the events of one task, or of one CPU, and when they run.
//
// A task's context runs while the task does; a CPU's context always runs. Where a context runs
// (active_cpu) is the only CPU that changes it:
//
//   C1  Lists and states of a context that runs on CPU c change only on c, IRQs off, under its
//       lock; of one that runs nowhere, anywhere under its lock.
//   C2  active_cpu is cleared only after commit, so whoever sees -1 under the lock knows that no
//       register holds one of its events. Its events may be parked, though: ACTIVE, and ready to
//       come back together. Whoever changes something takes them apart first (perf_ctx_disband).
//   C3  A context belongs to its task (or CPU) for ever, and each event holds a reference to its
//       task: it cannot go while it has events.
//   C4  On a CPU the order is: CPU-pinned, task-pinned, CPU-flexible, task-flexible. A pinned group
//       that finds no room goes to ERROR; a flexible one waits, and turns are taken (perf/place.c).
//       A group is placed whole or not at all.
//   C5  Which events a context holds, and who descends from whom, changes under perf_mutex as well:
//       with it held, task-context code may walk the lists and sleep. Turns put the flexible ones
//       into another order without it, but not while their task has set `walked`.
#pragma once

#include "kernel/base/spinlock.h"
#include "perf/event.h"
#include "sched/wait.h"

struct perf_event_context {
    struct spinlock lock;         // RANK_PERF_CTX
    struct task *task;            // NULL: a CPU's
    struct list pinned, flexible; // group leaders
    u32 nr_events;                // siblings included
    u32 nr_limited;               // ACTIVE ones of the limited PMU
    u32 nr_loose;                 // ACTIVE ones that cannot be parked
    bool exclusive;               // one group has the register file for itself
    bool waits;                   // some group may be waiting for a place; see perf_place()
    bool parked;                  // the ACTIVE ones are put aside together (C2)
    s32 active_cpu;               // where it runs, or -1
    bool dead;                    // the task has ended: takes no more events
    bool walked;                  // by its task: the lists keep their order (C5); atomic
    bool running;                 // its clock runs: from perf_ctx_in to perf_ctx_out
    u64 time;                     // ns it has run, up to `since`
    u64 since;                    // clock_ns() when it last began to run, while it runs
    u32 turn;                     // turns taken while it ran
    u64 turned_at;                // the context's clock at the last turn
    u32 last_cpu;                 // where it ran last, MAX_CPUS: nowhere yet
    void *pmu_data;               // of the limited PMU (freed with the context)
    struct perf_event *traps;     // of the layer above: what it owes the task, the latest first
};

struct perf_cpu {
    struct perf_event_context ctx;       // the CPU's own
    struct perf_event_context *task_ctx; // the task context that runs here, or NULL
    struct perf_event_context *leaving;  // evicted by this switch, still to be released (C2)
    u32 edit_depth;                      // begins without their commit yet
    u64 edit_ns;                         // clock_ns() at the outermost begin
    bool in_switch; // between the two hooks of a switch, and hardware edits are open
    u64 rotations;
} __aligned(256); // and found by a shift

extern struct perf_cpu perf_cpus[MAX_CPUS];
extern struct mutex perf_mutex; // RANK_PERF, see C5

// This CPU's; IRQs off.
static inline struct perf_cpu *this_perf_cpu(void)
{
    return THIS_CPU->perf;
}

// The context of a task, made at the first call; ERR_PTR(-ENOMEM), or ERR_PTR(-ESRCH) when the task
// is ending. The caller holds a reference to the task. Task context.
struct perf_event_context *perf_task_context(struct task *task);

// A context begins to run on this CPU, or stops: its clock, and its events as far as they are
// parked (in) or ACTIVE (out). IRQs off, no context lock held, inside begin .. commit. active_cpu
// is cleared later, by perf_ctx_release() after commit (C2).
void perf_ctx_in(struct perf_event_context *ctx);
void perf_ctx_out(struct perf_event_context *ctx);
void perf_ctx_release(struct perf_event_context *ctx);
// Parked events become INACTIVE; others stay as they are. The context, locked, runs nowhere.
void perf_ctx_disband(struct perf_event_context *ctx);
u64 perf_ctx_now(struct perf_event_context *ctx); // its clock; lock held

// ---- states and times (perf/context.c); the context lock is held ----

// Moves one event to a state other than ACTIVE, keeping the times; leaving ACTIVE only on
// active_cpu, inside begin .. commit. A leader's siblings keep their own states.
void perf_set_state(struct perf_event *event, enum perf_state state);
// INACTIVE becomes ACTIVE: the PMU has it.
void perf_activate(struct perf_event *event);
// The event's two times now.
void perf_update_times(struct perf_event *event);

// ---- placing (perf/place.c); IRQs off, inside begin .. commit ----

// Takes a whole group off its PMUs. The context lock is held.
void perf_group_out(struct perf_event *leader);
// Gives the events of this CPU's contexts their places by C4. Afterwards ctx->waits tells exactly
// whether a group of the context's waits. Returns the context whose flexible groups came first,
// NULL when nobody had waited.
struct perf_event_context *perf_place(void);
// Whether one of the contexts that run here has a group without a place; if not, perf_place() has
// nothing to do.
static inline bool perf_somebody_waits(void)
{
    const struct perf_cpu *pc = this_perf_cpu();
    return pc->ctx.running && (pc->ctx.waits || (pc->task_ctx && pc->task_ctx->waits));
}
// Where nobody has waited, a group of one has been changed: if it waits now it takes what is free.
// False: perf_place() has something to do. The context lock is held.
bool perf_place_alone(struct perf_event *leader);
static inline bool perf_place_one(struct perf_event *leader)
{
    return !leader->ctx->waits || perf_place_alone(leader);
}
// The next turn, if somebody waits and this one has lasted long enough: at the tick, and at a
// switch-in, because a task that always leaves before a tick would never see one.
void perf_turn(void);
// A flexible leader begins to wait: level with the least served. The context lock is held.
void perf_join_turns(struct perf_event *leader);

// ---- from anywhere (perf/remote.c); task context, no spinlock held ----

// A change of one event.
typedef int perf_change_fn(struct perf_event *event, void *arg);

// Runs fn(event, arg) under the context lock on the CPU where the context runs (or here if
// nowhere); then places what may run. The event's group is not ACTIVE meanwhile if it has several
// members. Returns what fn returned.
int perf_ctx_run(struct perf_event *event, perf_change_fn *fn, void *arg);

// The same for the event and all its inherited copies, and for its whole group with theirs.
void perf_family_run(struct perf_event *event, perf_change_fn *fn, void *arg);
void perf_group_run(struct perf_event *event, perf_change_fn *fn, void *arg);

// The same for events of all CPUs as one step: event[cpu] belongs to the context of that CPU, for
// each of nr_cpus. All CPUs change at once; the events of offline ones are changed where they wait.
// fn may run on several CPUs at a time; its result is not asked for.
void perf_ctx_run_all(struct perf_event *const *event, perf_change_fn *fn, void *arg);

// The same on a CPU that a debugger has stopped, for an event of this CPU's own context, IRQs off:
// with that CPU's registers free to be written (dr_unpause()) and spinlocks not checked. False, and
// fn did not run, when the CPU was stopped in the middle of a change. On a CPU that runs,
// perf_ctx_run() does it.
bool perf_ctx_run_stopped(struct perf_event *event, perf_change_fn *fn, void *arg);

// After an event was added to a context that runs nowhere although its task is running: starts it
// there.
void perf_ctx_start(struct perf_event_context *ctx);

// ---- membership (perf/event.c); perf_mutex held ----

// Puts a new event into its context (as a leader, or as event->leader's sibling). 0 or -ESRCH.
int perf_attach(struct perf_event *event);
// Takes it out; siblings of a leader become leaders of their own.
void perf_detach(struct perf_event *event);
// An unattached event with everything but its PMU's reservation; ERR_PTR(-ENOMEM). And back.
struct perf_event *perf_event_alloc(const struct perf_request *r, const struct pmu *pmu,
                                    struct perf_event_context *ctx);
void perf_event_unalloc(struct perf_event *event);
// Gives back everything a detached event holds. Not under perf_mutex when it may be the last.
void perf_event_free(struct perf_event *event);
// The leaders of a context, pinned ones first. None may leave meanwhile. For all its events:
//     perf_for_each_leader (leader, ctx)
//         perf_for_each_member (event, leader)
#define perf_for_each_leader(leader, ctx)                                                          \
    for (leader = perf_next_leader(ctx, &(ctx)->pinned); leader;                                   \
         leader = perf_next_leader(ctx, &leader->node))

static inline struct perf_event *perf_next_leader(const struct perf_event_context *ctx,
                                                  const struct list *at)
{
    const struct list *next = at->next;
    if (next == &ctx->pinned)
        next = ctx->flexible.next;
    return next == &ctx->flexible ? NULL : list_entry(next, struct perf_event, node);
}

// Calls fn for every event of the context, siblings before their leader; fn may free the event.
void perf_for_each_event(struct perf_event_context *ctx,
                         void (*fn)(struct perf_event *event, void *arg), void *arg);

// The same for the events of both contexts that run on this CPU; fn changes no list. IRQs off.
void perf_for_each_here(void (*fn)(struct perf_event *event, void *arg), void *arg);

// For perf_ctx_run() and its like: what enables and disables, and sets the count to 0.
int perf_set_enabled(struct perf_event *event, void *arg);
int perf_set_disabled(struct perf_event *event, void *arg);
int perf_set_zero(struct perf_event *event, void *arg);
// perf_event_read_value(); times: NULL if nobody asks for them.
struct perf_times {
    u64 enabled, running;
};
u64 perf_read_locked(struct perf_event *event, struct perf_times *times);

// True if the event counts nothing any more, for ever: it was retired, or its task has ended.
static inline bool perf_event_ended(const struct perf_event *event)
{
    return event->state == PERF_EXIT || (event->ctx->task && event->ctx->dead);
}
