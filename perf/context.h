// Perf contexts: the events of one task, or of one CPU, and when they run.
//
// A task's context runs while the task runs; a CPU's context always runs. active_cpu says where.
//
//   C1  A context that runs on CPU c is changed only on c, IRQs off, under its lock. A context that
//       runs nowhere may be changed on any CPU, under its lock.
//   C2  active_cpu is cleared after the commit. So code that reads -1 under the lock knows that no
//       register holds an event of this context. The events may be parked, though: ACTIVE, and
//       ready to come back together. perf_ctx_disband() comes before any change to them.
//   C3  A context belongs to its task or CPU for ever. Each event holds a reference to its task, so
//       the context outlives its events.
//   C4  The order on a CPU is: CPU-pinned, task-pinned, CPU-flexible, task-flexible. A pinned group
//       that finds no room goes to ERROR. A flexible group that finds none waits for its turn
//       (perf/place.c). A group is placed whole or not at all.
//   C5  Events join and leave a context, and are inherited, only under perf_mutex as well. So
//       task-context code that holds it may walk the lists and sleep.
//   C6  A leader that waits for a place is in exactly one queue of its row (perf/queue.c), and so
//       is a flexible one that has a register. Code that changes an event files its leader again.
//   C7  A switch first sets on_cpu (sched/sched.h), then reads the task's perf_ctx. The opener of a
//       task's first event first stores perf_ctx, then reads on_cpu in perf_ctx_start(). So one of
//       the two sees the other. The four accesses are SEQ_CST.
#pragma once

#include "perf/event.h"
#include "sched/wait.h"

// The leaders of a context that may run on one CPU only, or on any.
struct perf_row {
    struct list queue[NR_QUEUES]; // one that is empty means nothing
    u32 filled;                   // bit n: queue[n] is not empty
    u32 nr_turns;                 // who takes turns: enabled, flexible, and not in vain
};

struct perf_event_context {
    struct spinlock lock;         // RANK_PERF_CTX
    struct task *task;            // NULL: a CPU's
    struct list pinned, flexible; // group leaders, in the order of their coming
    struct list loose;            // ACTIVE events that cannot be parked, sampling ones first
    struct perf_row any;          // who may run on any CPU of the context
    struct perf_row *bound;       // [cpu], who may run there only; NULL if nobody ever was. Atomic
    u32 nr_events;                // siblings included
    u32 nr_limited;               // ACTIVE ones of the limited PMU
    bool exclusive;               // one group has the register file for itself
    bool waits;                   // some group may wait for a place; see perf_place()
    bool parked;                  // the ACTIVE events are saved together (C2)
    s32 active_cpu;               // where it runs, or -1
    bool dead;                    // the task has ended: takes no more events
    bool running;                 // its clock runs: from perf_ctx_in to perf_ctx_out
    u64 time;                     // ns it has run, up to `since`
    u64 since;                    // clock_ns() when it last began to run, while it runs
    u32 turn;                     // turns taken while it ran
    u64 turned_at;                // the context's clock at the last turn
    u64 given;                    // turns in which it ranked first
    u32 last_cpu;                 // where it ran last, MAX_CPUS: nowhere yet
    void *pmu_data;               // of the limited PMU (freed with the context)
    struct perf_event *traps;     // of the layer above: what it owes the task, the latest first
    u64 stay;                     // and the number of the task's present stay in the kernel
    u64 copied;                   // and the bytes of its inherited copies. Atomic
};

struct perf_cpu {
    struct perf_event_context ctx;       // the CPU's own
    struct perf_event_context *task_ctx; // the task context that runs here, or NULL
    struct perf_event_context *leaving;  // evicted by this switch, still to be released (C2)
    u32 edit_depth;                      // begins without their commit yet
    u64 edit_ns;                         // clock_ns() at the outermost begin
    bool walked;                         // its ACTIVE events are walked without a lock
    bool in_switch; // between the two hooks of a switch, and hardware edits are open
    u64 rotations;  // turns given here
    u64 looks;      // groups looked at to find out who is next
} __aligned(512);   // and found by a shift

extern struct perf_cpu perf_cpus[MAX_CPUS];
extern struct mutex perf_mutex; // RANK_PERF, see C5
// The context of all tasks that have ended without one. It is dead, so it takes no event.
extern struct perf_event_context perf_ended;

// This CPU's; IRQs off.
static inline struct perf_cpu *this_perf_cpu(void)
{
    return THIS_CPU->perf;
}

// The context of a task; the first call makes it. ERR_PTR: -ENOMEM, or -ESRCH when the task is
// ending. The caller holds a reference to the task. Task context.
struct perf_event_context *perf_task_context(struct task *task);

// A context begins to run on this CPU, or stops. Its clock starts, and its parked events come back;
// or the clock stops, and its ACTIVE events are parked or lose their places. active_cpu is cleared
// later, by perf_ctx_release() after the commit (C2). IRQs off, no context lock held, inside
// begin .. commit.
void perf_ctx_in(struct perf_event_context *ctx);
void perf_ctx_out(struct perf_event_context *ctx);
void perf_ctx_release(struct perf_event_context *ctx);
// Takes a parked context apart: its ACTIVE events become INACTIVE. The context is locked and runs
// nowhere.
void perf_ctx_disband(struct perf_event_context *ctx);
u64 perf_ctx_now(struct perf_event_context *ctx); // its clock; lock held

// ---- states and times (perf/context.c); the context lock is held ----

// Moves one event to a state other than ACTIVE and updates its times. An ACTIVE event loses its
// place: only on active_cpu, inside begin .. commit. The siblings of a leader keep their states.
void perf_set_state(struct perf_event *event, enum perf_state state);
// INACTIVE becomes ACTIVE: the PMU has it.
void perf_activate(struct perf_event *event);
// The event's two times now.
void perf_update_times(struct perf_event *event);

// ---- who waits (perf/queue.c); the context lock is held ----

// The row for this CPU besides ctx->any, or NULL.
static inline struct perf_row *perf_bound_here(const struct perf_event_context *ctx)
{
    return ctx->bound ? &ctx->bound[cpu_id()] : NULL;
}
// Which queues are not empty, for this CPU.
static inline u32 perf_filled_here(const struct perf_event_context *ctx)
{
    return ctx->any.filled | (ctx->bound ? perf_bound_here(ctx)->filled : 0);
}
// The row of events for `cpu` only, of a task's context; NULL: no memory for it. Without the lock.
struct perf_row *perf_bound_row(struct perf_event_context *ctx, u32 cpu);
// Puts a leader where it belongs after a change of its state, its members or theirs. A leader that
// waits already and needs what it needed before keeps its place.
void perf_file(struct perf_event *leader);
// The same for a group that lost its place, which keeps its turn, and for one that got a place.
void perf_file_out(struct perf_event *leader);
void perf_file_in(struct perf_event *leader);
// The same for one that took turns and whose turn is over: it begins to wait.
void perf_file_last(struct perf_event *leader);
// How many take turns here.
static inline u32 perf_takers_here(const struct perf_event_context *ctx)
{
    return ctx->any.nr_turns + (ctx->bound ? perf_bound_here(ctx)->nr_turns : 0);
}
// Who shall have the next `room` registers: a leader from the queues QUEUE_WAITING, or NULL.
struct perf_event *perf_next_turn(struct perf_event_context *ctx, u32 room);

// ---- placing (perf/place.c); IRQs off, inside begin .. commit ----

// Takes a whole group off its PMUs; or all groups of a context. The context lock is held.
void perf_group_out(struct perf_event *leader);
void perf_all_out(struct perf_event_context *ctx);
// Gives the events of this CPU's contexts their places, in the order of C4. Then ctx->waits is
// exact. Returns the context whose flexible groups came first, or NULL when no group was waiting.
struct perf_event_context *perf_place(void);
// Whether one of the contexts that run here has a group without a place; if not, perf_place() has
// nothing to do.
static inline bool perf_somebody_waits(void)
{
    const struct perf_cpu *pc = this_perf_cpu();
    return pc->ctx.running && (pc->ctx.waits || (pc->task_ctx && pc->task_ctx->waits));
}
// A short way for an event without siblings that was changed while no group of its context waited.
// If it waits for a place now, it takes a free one. False when perf_place() has something to do.
// The context lock is held.
bool perf_place_alone(struct perf_event *leader);
static inline bool perf_place_one(struct perf_event *leader)
{
    if (leader->ctx->waits)
        return perf_place_alone(leader);
    if (unlikely(leader->queue))
        perf_file(leader);
    return true;
}
// Begins the next turn if a group waits and this turn has lasted long enough. Called at each tick,
// and at a switch too, because a task that always sleeps before a tick would never get a turn.
void perf_turn(void);

// ---- from anywhere (perf/remote.c); task context, no spinlock held ----

// A change of one event.
typedef void perf_change_fn(struct perf_event *event, void *arg);

// Runs fn(event, arg) under the context lock, on the CPU where the context runs, or here if it runs
// nowhere. Then gives places to the events that may run. A group of several members is not ACTIVE
// while fn runs.
void perf_ctx_run(struct perf_event *event, perf_change_fn *fn, void *arg);

// The same for the event and all its inherited copies.
void perf_family_run(struct perf_event *event, perf_change_fn *fn, void *arg);
// The same for all members of its group.
void perf_group_run(struct perf_event *event, perf_change_fn *fn, void *arg);

// The same for one event of each CPU, as one step: event[cpu] belongs to the context of that CPU.
// All CPUs change at the same time; the event of an offline CPU is changed from here. fn may run on
// several CPUs at a time.
void perf_ctx_run_all(struct perf_event *const *event, perf_change_fn *fn, void *arg);

// Starts a context whose task is running already: its first event came after the last switch.
void perf_ctx_start(struct perf_event_context *ctx);

// ---- membership (perf/event.c); perf_mutex held ----

// Puts a new event into its context (as a leader, or as event->leader's sibling). If the task has
// ended meanwhile, the event counts nothing.
void perf_attach(struct perf_event *event);
// Takes it out; siblings of a leader become leaders of their own.
void perf_detach(struct perf_event *event);
// An unattached event with everything but its PMU's reservation; ERR_PTR(-ENOMEM). And back.
struct perf_event *perf_event_alloc(const struct perf_request *r, const struct pmu *pmu,
                                    struct perf_event_context *ctx);
void perf_event_unalloc(struct perf_event *event);
// Gives back everything a detached event holds. Not under perf_mutex when it may be the last.
void perf_event_free(struct perf_event *event);

// For perf_ctx_run() and its like: what enables and disables, and sets the count to 0.
void perf_set_enabled(struct perf_event *event, void *arg);
void perf_set_disabled(struct perf_event *event, void *arg);
void perf_set_zero(struct perf_event *event, void *arg);
// perf_event_read_value(); times: NULL if nobody asks for them.
struct perf_times {
    u64 enabled, running;
};
u64 perf_read_locked(struct perf_event *event, struct perf_times *times);
