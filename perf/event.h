// Perf events: something counted, for a task, for a CPU, or for a task on one CPU.
//
// An event lives in a context (perf/context.h), which runs while its task or CPU runs. Only its PMU
// knows how to count; the one for breakpoints is hwbp/pmu.c. The layer above makes samples, records
// and signals of the counts; it is told of them by the upcalls in perf/upcalls.h.
//
//   State      meaning                                              count grows
//   OFF        disabled by its user                                 no
//   INACTIVE   enabled, without a place                             no
//   ACTIVE     enabled, and the PMU has a place for it where its    while the
//              context runs                                         context runs
//   ERROR      pinned, and the PMU had no room: reads as EOF        no
//   EXIT       removed when its task executed another program       no, for ever
//
// Two times are kept, in ns of clock_ns(). "Enabled" is the time in INACTIVE and ACTIVE while the
// context runs; "running" is the part of it in ACTIVE.
#pragma once

#include "perf/abi.h"
#include "sched/task.h"

struct perf_event;
struct perf_event_context;
struct perf_output;
struct perf_row;

enum perf_state {
    PERF_EXIT = -3,
    PERF_ERROR = -2,
    PERF_OFF = -1,
    PERF_INACTIVE = 0,
    PERF_ACTIVE = 1
};

#define PERF_MAX_REGISTERS 4 // of a register file (perf/pmu.h)

// The queues of leaders (perf/queue.c). A group needs as many registers as it has enabled members
// of the limited PMU; an exclusive one needs them all.
enum perf_queue {
    QUEUE_NONE,    // no queue: waits for nothing, and is not flexible with registers
    QUEUE_IN_VAIN, // waits for more registers than there are
    QUEUE_FREE,    // waits for a place and needs no register
    QUEUE_PINNED,  // waits for registers that it must have
    QUEUE_SERVED,  // flexible, has registers; from here on they take turns
    QUEUE_TURN,    // waits for registers, and it is its turn
    QUEUE_WAITING, // + need - 1: waits for its turn, the longest first
    NR_QUEUES = QUEUE_WAITING + PERF_MAX_REGISTERS
};

// Called for each counted hit: in #DB context, IRQs off, possibly inside any lock's critical
// section. It must not take a lock, sleep, or touch user memory. printk is allowed.
typedef void (*perf_overflow_fn)(struct perf_event *event, struct trapframe *regs);

struct pmu {
    u32 type;     // attr.type it serves
    size_t size;  // of its events: a struct perf_event first, then what is the PMU's own
    bool limited; // its events sit in the register file (perf/pmu.h): `exclusive` is about them
    // Checks the request and reserves what the event needs for its whole life; `arg` is the
    // request's pmu_arg. -errno on failure, with nothing held. An inherited copy, which has a
    // parent, is never refused, except for -ENOMEM. Task context, may sleep.
    int (*event_init)(struct perf_event *event, void *arg);
    // Gives back what event_init reserved. Task context.
    void (*destroy)(struct perf_event *event);
    // Starts and stops counting on this CPU. IRQs off, context lock held, inside begin .. commit of
    // the register file. add: negative when there is no room.
    int (*add)(struct perf_event *event);
    void (*del)(struct perf_event *event);
    // Brings event->count up to date, if it is measured and not counted. NULL: it always is.
    void (*read)(struct perf_event *event);
};

struct perf_event {
    struct perf_event_attr attr; // constant, except for what modify and enable_on_exec change
    const struct pmu *pmu;
    bool is_loose;       // cannot be parked
    u64 id;              // unique since boot, never 0
    s32 cpu;             // only on this CPU, or -1
    struct task *target; // only for this task (with a reference), or NULL

    // Its place: a context holds leaders, a leader its siblings. Guarded by ctx->lock, and by
    // perf_mutex too (C5).
    struct perf_event_context *ctx; // constant
    struct perf_event *leader;      // itself, unless it is a sibling
    struct list node;               // in ctx->pinned or ctx->flexible, or in leader->siblings
    struct list siblings;
    u32 nr_siblings;

    enum perf_state state; // guarded by ctx->lock
    bool stopped;          // counts no more, until it is disabled or enabled again
    u8 queue;              // enum perf_queue: where a leader is, by
    u8 need;               // the registers that its group needed when it was filed there

    u64 count;                        // atomic; grows only where it is ACTIVE
    u64 total_enabled, total_running; // ns of the context's clock, up to tstamp
    u64 tstamp;                       // that clock at the last state change or update

    // Waiting, of a leader; guarded by ctx->lock (perf/queue.c).
    struct perf_row *row;   // constant
    struct list place;      // in row->queue[queue] (C6)
    u64 served;             // ns it has run
    u64 since;              // ctx->given when it began to wait for its turn
    struct list loose_node; // in ctx->loose, while it is ACTIVE and is_loose

    // Inheritance, guarded by perf_mutex. Copies hang on the original, however deep the forks.
    struct perf_event *parent; // NULL: an original
    struct list children, child_node;
    u64 child_count, child_enabled, child_running; // of children that have ended

    perf_overflow_fn overflow; // NULL: only count
    void *overflow_arg;
    struct perf_output *output; // what the layer above keeps with it: perf_output_size bytes
};

// Whether its hits go to perf_counted().
static inline bool perf_samples(const struct perf_event *event)
{
    return event->attr.sample_period && !event->overflow;
}

// ---- the in-kernel interface ----

// The most events of a task. Copies count, and are not refused: the parent has as many.
#define PERF_TASK_EVENTS 1024

// Creates an event on `cpu` (-1: wherever the task runs) for `task` (NULL: whatever runs on cpu)
// and enables it unless attr->disabled. Returns the event, or ERR_PTR: -EINVAL, -ENOENT (no PMU of
// this type), -ENODEV (CPU offline), -ESRCH (task is ending), -EMFILE (the task has
// PERF_TASK_EVENTS), -ENOMEM, or what the PMU says (breakpoints: -ENOSPC and others). Task context.
struct perf_event *perf_event_create_kernel_counter(const struct perf_event_attr *attr, int cpu,
                                                    struct task *task, perf_overflow_fn overflow,
                                                    void *arg);
// The whole of it. leader: join this group. pmu_arg: for event_init of the PMU.
struct perf_request {
    const struct perf_event_attr *attr;
    int cpu;
    struct task *task;
    struct perf_event *leader;
    perf_overflow_fn overflow;
    void *arg;
    void *pmu_arg;
    bool wait_for_cpu; // `cpu` may be offline: the event begins when it comes back
};
struct perf_event *perf_event_create(const struct perf_request *r);
// Ends an event. After the return it counts nothing and its callback does not run. Task context.
void perf_event_release_kernel(struct perf_event *event);
// The count now, with the counts of inherited copies. Either time is stored if its pointer is not
// NULL. Task context.
u64 perf_event_read_value(struct perf_event *event, u64 *enabled, u64 *running);
// These reach the inherited copies, too. Enabling an event in ERROR makes it try again; a reset
// sets the count to 0 and leaves the times. Task context.
void perf_event_enable(struct perf_event *event);
void perf_event_disable(struct perf_event *event);
void perf_event_reset(struct perf_event *event);

// ---- for PMUs ----

void perf_init(void); // boot CPU, once, before perf_cpu_start()

void perf_pmu_register(const struct pmu *pmu);
// `nr` hits of an ACTIVE event that concern `addr`: filter by mode (exclude_user/kernel), count,
// call back. From the PMU's exception, on the CPU where it is ACTIVE, IRQs off. `regs` is NULL when
// the kernel itself is the cause (a switch): that counts as kernel mode. Returns false when
// filtered out or not ACTIVE.
bool perf_event_count(struct perf_event *event, u64 nr, struct trapframe *regs, u64 addr);

// ---- the end of tasks ----

// The running task ends: its context takes no more events and leaves this CPU, readers keep the
// counts. Task context.
void perf_task_ends(struct task *t);
// The last reference of the task is gone.
void perf_task_free(struct task *t);
