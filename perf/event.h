// Perf events: something counted, for a task, for a CPU, or for a task on one CPU.
//
// An event lives in a context (perf/context.h) that runs when its task or CPU runs. A PMU knows how
// to count: for breakpoints that is hwbp/pmu.c, for which this layer is written, but nothing here
// knows it.
//
//   State      meaning                                              count grows
//   OFF        disabled by its user                                 no
//   INACTIVE   enabled, without a place                             no
//   ACTIVE     enabled, and the PMU has a place for it where its    while the
//              context runs                                         context runs
//   ERROR      pinned, and the PMU had no room: reads as EOF        no
//   EXIT       retired by its PMU with its task's old program       no, for ever
//
// Two times are kept, as sums of exact intervals of clock_ns(): enabled (INACTIVE or ACTIVE while
// the context's task runs) and running (ACTIVE).
#pragma once

#include "arch/x86/trap.h"
#include "kernel/base/list.h"
#include "perf/abi.h"
#include "perf/output.h"
#include "sched/task.h"

struct perf_event;
struct perf_event_context;

enum perf_state {
    PERF_EXIT = -3,
    PERF_ERROR = -2,
    PERF_OFF = -1,
    PERF_INACTIVE = 0,
    PERF_ACTIVE = 1
};

// Called for each counted hit: in #DB context, IRQs off, possibly inside any lock's critical
// section. It must not take a lock, sleep, or touch user memory. printk is allowed.
typedef void (*perf_overflow_fn)(struct perf_event *event, struct trapframe *regs);

struct pmu {
    u32 type;     // attr.type it serves
    bool limited; // has only so many registers: `exclusive` is about them
    // Checks the request and reserves what the event needs for its whole life. -errno on failure,
    // with nothing held. Task context, may sleep.
    int (*event_init)(struct perf_event *event);
    // The same for an inherited copy of event->parent: never refused, except for -ENOMEM.
    int (*event_inherit)(struct perf_event *event);
    // Gives back what event_init or event_inherit reserved. Task context.
    void (*destroy)(struct perf_event *event);
    // Starts and stops counting on this CPU. IRQs off, context lock held. add: negative when there
    // is no room.
    // Between begin and commit nothing reaches the hardware.
    int (*add)(struct perf_event *event);
    void (*del)(struct perf_event *event);
    // For one PMU only; the others have NULL in all four and need no bracket. park: all ACTIVE
    // events of a task's context leave this CPU together; unpark: they are back as they were, or
    // false: they cannot. As add and del.
    void (*begin)(void);
    void (*commit)(void);
    void (*park)(struct perf_event_context *ctx);
    bool (*unpark)(struct perf_event_context *ctx);
    // Brings event->count up to date, for what is measured and not counted. NULL: it always is.
    void (*read)(struct perf_event *event);
    // Another address, type and length: check tells whether an event could have those of `attr`
    // (0 or -errno); after apply it has them, and keeps its place. As add. Both NULL: it keeps
    // what it has.
    int (*check)(const struct perf_event_attr *attr);
    void (*apply)(struct perf_event *event, const struct perf_event_attr *attr);
    // The running task ends or executes another program: retire what must not outlive the old one.
    // NULL: nothing. Task context.
    void (*task_flush)(struct task *task);
};

// One admitted breakpoint (hwbp/reserve.h): an event's, or a wide one's for all CPUs together.
struct bp_claim {
    struct list node;  // in the list of live claims
    struct task *task; // NULL: bound to no task
    s32 cpu;           // -1: every CPU
    bool pinned;
    struct perf_event *event; // the event, NULL for a wide claim
};

// The breakpoint's part of an event, owned by hwbp.
struct hw_breakpoint {
    u64 addr;
    u8 type; // enum dr_type
    u8 len;
    bool thread; // made for a task by the kernel: flushed when that task executes another program
    bool traps;  // a hit is also the task's SIGTRAP, which its owner then deals with
    struct bp_claim own, *claim; // its slots: its own, or those that a wide one's events share
};

struct perf_event {
    struct perf_event_attr attr; // constant, except for what modify and enable_on_exec change
    const struct pmu *pmu;
    bool is_freq;        // samples by frequency
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

    u64 count;                        // atomic; grows only where it is ACTIVE
    u64 total_enabled, total_running; // ns of the context's clock, up to tstamp
    u64 tstamp;                       // that clock at the last state change or update
    u64 served;      // ns a flexible leader has run, for taking turns (perf/place.c)
    u32 waited;      // turns of its context's it has been left out of since it last ran
    u64 clock_start; // software clocks: the clock when they became ACTIVE

    // Inheritance, guarded by perf_mutex. Copies hang on the original, however deep the forks.
    struct perf_event *parent; // NULL: an original
    struct list children, child_node;
    u64 child_count, child_enabled, child_running; // of children that have ended

    perf_overflow_fn overflow; // NULL: only count
    void *overflow_arg;
    struct perf_output output;

    struct hw_breakpoint bp;
};

// The event itself, or what it was inherited from: samples and signals are that one's.
static inline struct perf_event *perf_original(struct perf_event *event)
{
    return event->parent ? event->parent : event;
}

static inline const struct perf_event *perf_original_const(const struct perf_event *event)
{
    return event->parent ? event->parent : event;
}

// ---- the in-kernel interface ----

// Creates an event on `cpu` (-1: wherever the task runs) for `task` (NULL: whatever runs on cpu)
// and enables it unless attr->disabled. Returns the event, or ERR_PTR: -EINVAL, -ENOENT (no PMU of
// this type), -ENODEV (CPU offline), -ESRCH (task is ending), -ENOMEM, or what the PMU says
// (breakpoints: -ENOSPC and others). Task context.
struct perf_event *perf_event_create_kernel_counter(const struct perf_event_attr *attr, int cpu,
                                                    struct task *task, perf_overflow_fn overflow,
                                                    void *arg);
// The whole of it, for the system call (leader: join this group) and for hwbp (claim: the event's
// slots are reserved already; it is in event->bp.claim before event_init runs).
struct perf_request {
    const struct perf_event_attr *attr;
    int cpu;
    struct task *task;
    struct perf_event *leader;
    perf_overflow_fn overflow;
    void *arg;
    struct bp_claim *claim;
    bool wait_for_cpu; // `cpu` may be offline: the event begins when it comes back
};
struct perf_event *perf_event_create(const struct perf_request *r);
// Ends it: after return it counts nothing and its callback is not running. Task context.
void perf_event_release_kernel(struct perf_event *event);
// The count now, inherited copies included; both times if the pointers are not NULL. Task context.
u64 perf_event_read_value(struct perf_event *event, u64 *enabled, u64 *running);
// These reach inherited copies too. ERROR becomes INACTIVE and tries again; reset leaves the times.
void perf_event_enable(struct perf_event *event);
void perf_event_disable(struct perf_event *event);
void perf_event_reset(struct perf_event *event);

// Gives the event and its inherited copies what pmu->check has found to be right, each in its
// place. Task context.
void perf_event_modify(struct perf_event *event, const struct perf_event_attr *attr);

// ---- for PMUs ----

// A software event happened on this CPU, in the running task's context: counted by every ACTIVE
// event of this config. `addr` is a page fault's. IRQs off.
void perf_sw_event(u32 config, u64 nr, struct trapframe *regs, u64 addr);
void perf_sw_init(void);
// cpu-clock and task-clock: what they count is measured, so they overflow with the tick.
bool perf_is_clock(const struct perf_event *event);
void perf_init(void);         // boot CPU, once, before perf_cpu_start()
void perf_start_worker(void); // the thread that does what #DB in ring 0 has left; once

// Stops the event for ever (state EXIT); count and times stay readable. Task context.
void perf_event_retire(struct perf_event *event);

void perf_pmu_register(const struct pmu *pmu);
// One hit of an ACTIVE event: filter by mode (exclude_user/kernel), count, call back. From the
// PMU's exception, on the CPU where it is ACTIVE, IRQs off. Returns false when filtered out or not
// ACTIVE.
bool perf_event_hit(struct perf_event *event, struct trapframe *regs);
// The same for `nr` occurrences at once that concern `addr`. `regs` is NULL when the kernel itself
// is the cause (a switch): that counts as kernel mode.
bool perf_event_count(struct perf_event *event, u64 nr, struct trapframe *regs, u64 addr);

// ---- the life of tasks (called by linux/proc and sched) ----

// `child` is about to start, a thread of the running task's process or not: it gets copies of the
// events that are inherited. 0 or -ENOMEM with nothing left behind. Task context.
int perf_fork(struct task *child, bool thread);
// The child will not start after all: its copies go.
void perf_fork_failed(struct task *child);
// The running task ends: its events leave their registers, readers keep the counts.
void perf_exit_task(struct task *t);
// The running task becomes another program.
void perf_exec(struct task *t);
// The running task is about to go back to ring 3, IRQs on: what its events owe to programs.
void perf_user_return(void);
// The last reference of the task is gone.
void perf_task_free(struct task *t);

// ---- the system call's half (perf/open.c, perf/file.c) ----

// Reads an attr from user memory and checks it. 0; -EFAULT; -E2BIG (size out of range or an unknown
// part is not zero; the size known here is written to attr.size); -EINVAL; -EOPNOTSUPP (a part of
// the interface this kernel does not have).
int perf_copy_attr(u64 uattr, struct perf_event_attr *attr);

// perf_event_open(2). Returns a descriptor or -errno.
s64 sys_perf_event_open(u64 uattr, s32 pid, s32 cpu, s32 group_fd, u64 flags);
// read(2) on the descriptor: writes the values in read_format order to user memory. Bytes, 0 (ERROR
// state), -ENOSPC (buffer too short), -EFAULT.
ssize_t perf_event_read_user(struct perf_event *event, u64 ubuf, size_t n);
// ioctl(2). 0 or -errno (-ENOTTY when unknown).
s64 perf_event_ioctl(struct perf_event *event, u32 cmd, u64 arg);
