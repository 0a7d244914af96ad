// The scheduler: per-CPU run queues, round robin, one slice of SLICE_TICKS each; preemptive in the
// kernel too.
//
//   S1  A task is in at most one run queue, and runs on at most one CPU: between "picked" and
//       "completely switched out" on_cpu is true, and no other CPU takes it.
//   S2  A queue is first in, first out. A runnable task runs after at most (queue length) slices:
//       none starves.
//   S3  perf's two hooks bracket every switch, IRQs off, on the CPU concerned: out on the old
//       stack, in on the new.
//   S4  An idle CPU halts; whoever queues a task for it sends a reschedule IPI.
//   S5  A switch sets on_cpu and then looks at signal_pending: who sets the second, and then finds
//       the first false, need not tell any CPU (DUE_RETURN).
#pragma once

#include "sched/task.h"

#define HZ          250
#define SLICE_TICKS 2

// Makes the boot flow the idle task of CPU 0. Boot CPU, once.
void sched_init(void);
// Starts ticking and turns the calling flow into this CPU's idle loop.
__noreturn void sched_idle(void);

// Gives up the CPU. The caller has set current's state (RUNNABLE: just yield). Task context, no
// spinlock held.
void schedule(void);
void sched_yield(void);

// Makes a sleeping (or waiting, or, with `stopped`, stopped) task runnable. False if it was not.
// Any context but NMI and #DB.
bool sched_wake(struct task *t);
bool sched_wake_stopped(struct task *t);
// The same for TASK_TRACED alone.
bool sched_wake_traced(struct task *t);
// Wakes it only from TASK_SLEEPING: for signals.
bool sched_wake_interruptible(struct task *t);

// Returns once a task that somebody has stopped, and nobody wakes meanwhile, has left its CPU: all
// its registers are in memory then. Task context.
void sched_wait_inactive(struct task *t);

// 0, or -EINVAL when no online CPU is left in the mask. The task has left forbidden CPUs on return.
// Task context.
int sched_set_affinity(struct task *t, cpumask mask);

// Whether the running task has a signal, and so must not sleep. Who finds this out looks at it on
// the way to ring 3, even if who sent it has not come so far as to say so to this CPU.
static inline bool sched_interrupted(void)
{
    bool interrupted = current_task()->signal_pending;
    if (unlikely(interrupted))
        cpu_set_due(DUE_RETURN);
    return interrupted;
}

// CPUs that run tasks. One that goes offline leaves the mask first, one that comes joins it last.
extern cpumask sched_online; // atomic
static inline cpumask cpus_online(void)
{
    return __atomic_load_n(&sched_online, __ATOMIC_SEQ_CST);
}

static inline bool cpu_is_online(u32 cpu)
{
    return cpu < MAX_CPUS && (cpus_online() & BIT(cpu));
}

// Takes a CPU out, or back in (sched/hotplug.c). 0, also when it was so already; -EINVAL: no such
// CPU, or CPU 0, which has the devices' interrupts and stays. On return no task runs there any
// more, or the CPU runs tasks again. A task that may run nowhere else may run anywhere from then
// on. Task context.
int cpu_offline(u32 cpu);
int cpu_online_again(u32 cpu);

// Sleeps until clock_ns() >= when. 0, or -EINTR when a signal came and `interruptible`.
int sched_sleep_until(u64 when, bool interruptible);

// Per-CPU counts for display and tests.
struct sched_stats {
    u64 switches, preemptions, migrations_in, ticks, idle_ns;
};
const struct sched_stats *sched_stats(u32 cpu);
u64 sched_total_switches(void);

// Test aid: from now on every tick (storm = true) preempts, and moves the running task to another
// allowed CPU.
void sched_set_storm(bool storm);
