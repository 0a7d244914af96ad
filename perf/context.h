// Perf contexts: the events of one task, or of one CPU, and when they run.
//
// A task's context runs while the task does; a CPU's context always runs. Where a context runs
// (active_cpu) is the only CPU that changes it:
//
//   C1  Lists and states of a context that runs on CPU c change only on c, IRQs off, under its
//       lock; of one that runs nowhere, anywhere under its lock.
//   C2  active_cpu is cleared only after commit, so whoever sees -1 under the lock knows that no
//       register holds one of its events.
//   C3  A context belongs to its task (or CPU) for ever, and each event holds a reference to its
//       task: it cannot go while it has events.
//   C4  On a CPU the order is: CPU-pinned, task-pinned, CPU-flexible, task-flexible. A pinned event
//       that finds no room goes to ERROR; a flexible one waits, and the tick rotates them.
#pragma once

#include "kernel/base/spinlock.h"
#include "perf/event.h"

struct perf_event_context {
    struct spinlock lock;         // RANK_PERF_CTX
    struct task *task;            // NULL: a CPU's
    struct list pinned, flexible; // events; the order of `flexible` is whose turn is next
    u32 nr_events;
    s32 active_cpu; // where it runs, or -1
    bool dead;      // the task has ended: takes no more events
    bool running;   // its clock runs: from perf_ctx_in to perf_ctx_out
    u64 time;       // ns it has run, up to `since`
    u64 since;      // clock_ns() when it last began to run, while it runs
    void *slots;    // hwbp's tally of this task's breakpoints (freed with the context)
};

struct perf_cpu {
    struct perf_event_context ctx;       // the CPU's own
    struct perf_event_context *task_ctx; // the task context that runs here, or NULL
    u32 edit_depth;                      // begins without their commit yet
    u64 edit_ns;                         // clock_ns() at the outermost begin
    bool in_switch; // between the two hooks of a switch, and hardware edits are open
    struct perf_event_context *leaving; // evicted by this switch, still to be released (C2)
    bool waiting;                       // a flexible event found no room: the tick must rotate
    u64 rotations;
};

extern struct perf_cpu perf_cpus[MAX_CPUS];

// This CPU's; IRQs off.
struct perf_cpu *this_perf_cpu(void);

// The context of a task, made at the first call; ERR_PTR(-ENOMEM), or ERR_PTR(-ESRCH) when the task
// is ending. The caller holds a reference to the task. Task context.
struct perf_event_context *perf_task_context(struct task *task);

// Brackets for edits of what runs on this CPU: PMUs begin and commit. May nest. IRQs off.
void perf_edit_begin(void);
void perf_edit_commit(void);

// A context begins to run on this CPU, or stops: its clock, and (out) its events. IRQs off, no
// context lock held, inside begin .. commit. active_cpu is cleared later, by perf_ctx_release()
// after commit (C2).
void perf_ctx_in(struct perf_event_context *ctx);
void perf_ctx_out(struct perf_event_context *ctx);
void perf_ctx_release(struct perf_event_context *ctx);

// Gives the events of this CPU's contexts their places by C4; rotate does so after the flexible
// ones have moved up by one turn. Same conditions.
void perf_place(void);
void perf_rotate(void);

// Moves one event between states, keeping the times. The context lock is held; leaving or entering
// ACTIVE only on active_cpu, inside begin .. commit.
void perf_set_state(struct perf_event *event, enum perf_state state);
// The event's two times now. The context lock is held.
void perf_update_times(struct perf_event *event);

// Runs fn(event, arg) under the context lock on the CPU where the context runs (or here if
// nowhere), with the event not ACTIVE meanwhile; then places what may run. Returns what fn
// returned. Task context, no lock held.
int perf_ctx_run(struct perf_event *event, int (*fn)(struct perf_event *, void *), void *arg);

// After an event was added to a context that runs nowhere although its task is running: starts it
// there.
void perf_ctx_start(struct perf_event_context *ctx);
