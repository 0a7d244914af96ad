// A task: one flow of control with its kernel stack. Threads of programs and of the kernel alike.
//
// The scheduler knows a program only as two opaque pointers (process, perf_ctx) that upper layers
// fill.
#pragma once

#include "kernel/base/list.h"
#include "kernel/base/refcount.h"
#include "kernel/base/spinlock.h"

struct mm;
struct process;
struct perf_event_context;

typedef u64 cpumask;
#define CPUMASK_ALL (~0ull)

enum task_state {
    TASK_NEW,      // not started yet
    TASK_RUNNABLE, // running or in a run queue
    TASK_SLEEPING, // until woken or signalled
    TASK_WAITING,  // until woken; signals do not wake it
    TASK_KILLABLE, // the same, but its end wakes it
    TASK_STOPPED,  // by a stop signal, until continued
    TASK_TRACED,   // in a stop of ptrace, until its tracer lets it go on
    TASK_DEAD,     // will not run again
};

// The greatest number of a task: after it the numbers start again. As Linux on 64-bit machines.
#define MAX_TID (1u << 22)

#define TASK_COMM_LEN 16

struct task {
    struct arch_task arch;    // owned by the switch
    u32 tid;                  // changed by linux/task only
    char comm[TASK_COMM_LEN]; // written by the task itself
    struct refcount refs;
    struct list tid_node; // in the list of its tid: RANK_TASKS

    // Owned by sched; guarded by the run queue lock of `cpu`, readable racily for display.
    enum task_state state;
    u32 cpu;              // whose run queue it belongs to
    bool on_cpu;          // it runs, or its switch-out has not finished yet
    bool queued;          // in a run queue, or on its way into one (runqueue.h)
    bool exited;          // task_exit() has been called: nothing of the program is left
    struct list run_node; // in a run queue while `queued`; dead, in the reaper's list
    cpumask affinity;     // CPUs it may run on; never empty
    u32 slice;            // ticks left
    u32 mutexes;          // ranks of those it holds, one bit each (debug builds); its own
    u64 nr_switches;      // times switched in
    u64 nr_migrations;    // times switched in on a CPU other than the one before
    u64 runtime_ns;       // time on CPUs, up to the last switch-out
    u64 switched_in_ns;
    u64 user_ticks, system_ticks; // that found it running, in ring 3 and in the kernel
    u32 last_cpu;
    void (*entry)(void *arg); // first function
    void *entry_arg;

    // Owned by linux/proc.
    bool signal_pending;     // wakes and interrupts TASK_SLEEPING; set under RANK_SIGNAL
    bool killed;             // it ends on its way to ring 3; set for good under RANK_SIGNAL
    struct process *process; // NULL for kernel threads
    struct mm *mm;           // NULL for kernel threads
    void *thread;            // linux/proc's per-thread data
    struct perf_event_context *perf_ctx; // owned by perf: NULL until the first event
};

// Makes a task that does not run yet: it has a stack, a tid and this affinity, its state is
// TASK_NEW. The caller owns the one reference. NULL when memory is out. Task context.
struct task *task_new(const char *comm, void (*entry)(void *), void *arg, cpumask affinity);
// Lets it run. The scheduler then holds a reference of its own until the task is dead.
void task_start(struct task *t);
// Makes and starts a kernel thread. Returns a reference, which the caller must drop, or NULL when
// memory is out. Task context.
struct task *kthread_create(const char *comm, void (*fn)(void *), void *arg, cpumask affinity);
// Ends the running task: calls the exit upcall, never returns.
__noreturn void task_exit(void);

void task_get(struct task *t);
// The last reference frees the task. Task context, or the switch, which leaves it to the reaper.
void task_put(struct task *t);

// Finds a living task by its tid and returns a reference to it; NULL if there is none.
struct task *task_find(u32 tid);
// Calls fn for every task, under the tasks lock (fn must not sleep or take lower ranks). There may
// be many, so the lock is let go in between: a task that comes or goes meanwhile may be missing.
void task_for_each(void (*fn)(struct task *t, void *arg), void *arg);

// Waits until the task is dead (kernel threads joining each other). Task context.
void task_join(struct task *t);
