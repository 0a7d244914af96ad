// The scheduler: per-CPU run queues, round robin, one slice of SLICE_TICKS each; preemptive in the
// kernel too.
//
//   S1  A task is in at most one run queue and runs on at most one CPU. on_cpu is true from the
//       moment when the task is picked until its switch-out has finished. No other CPU takes the
//       task meanwhile.
//   S2  A queue is first in, first out. A runnable task waits for at most one slice of each task
//       before it, so no task starves.
//   S3  perf's two hooks bracket every switch, on the CPU that switches, IRQs off. The first hook
//       runs on the old stack, the second one on the new stack.
//   S4  An idle CPU halts. The code that queues a task for it sends a reschedule IPI, at the latest
//       when it holds no spinlock any more.
//   S5  A switch first sets on_cpu, then reads signal_pending. The sender of a signal first sets
//       signal_pending, then reads on_cpu. So one of the two sees the other: if the sender reads
//       false, the switch will find the signal, and no CPU need be told (DUE_RETURN).
#pragma once

#include "sched/task.h"

#define HZ          250
#define SLICE_TICKS 2

// Turns the code that boots into the idle task of CPU 0. Boot CPU, once.
void sched_init(void);
// Starts this CPU's tick; the caller becomes its idle loop.
__noreturn void sched_idle(void);

// Gives up the CPU. The caller has set the running task's state before: TASK_RUNNABLE only lets
// others go first, another state sleeps. Task context, no spinlock held.
void schedule(void);

// Makes a task runnable that is in one of these states (a bit each, BIT(TASK_SLEEPING) ...). False
// if it was not. Any context but NMI and #DB.
bool sched_wake_from(struct task *t, u32 states);
// The same for whatever it waits for, but not when it was stopped.
static inline bool sched_wake(struct task *t)
{
    return sched_wake_from(t, BIT(TASK_SLEEPING) | BIT(TASK_WAITING) | BIT(TASK_KILLABLE));
}

// Sets the CPUs that a task may use. On return the task has left all others. 0, or -EINVAL when
// the mask holds no online CPU. Task context.
int sched_set_affinity(struct task *t, cpumask mask);

// Whether the running task has a signal and so must not sleep. DUE_RETURN is set here, because the
// sender may not have told this CPU yet: the signal must be looked at on the way to ring 3.
static inline bool sched_interrupted(void)
{
    bool interrupted = current_task()->signal_pending;
    if (unlikely(interrupted))
        cpu_set_due(DUE_RETURN);
    return interrupted;
}

// Whether the running task is to end. Nobody will ask for what it waits for or works at. Long loops
// and TASK_KILLABLE look at this.
#if __STDC_HOSTED__ // tests on the host have no running task
bool sched_killed(void);
#else
static inline bool sched_killed(void)
{
    return unlikely(__atomic_load_n(&current_task()->killed, __ATOMIC_RELAXED));
}
#endif

// The CPUs that run tasks. To leave this mask is a CPU's first step offline; to join it is the
// last step online.
extern cpumask sched_online; // atomic
static inline cpumask cpus_online(void)
{
    return __atomic_load_n(&sched_online, __ATOMIC_SEQ_CST);
}

static inline bool cpu_is_online(u32 cpu)
{
    return cpu < MAX_CPUS && (cpus_online() & BIT(cpu));
}

// Counts of a CPU, for display and tests (struct runqueue).
struct sched_stats {
    u64 switches, preemptions, migrations_in, ticks, idle_ns;
};
u64 sched_total_switches(void);

// Test aid: while it is true, every tick preempts, and moves the running task to another allowed
// CPU.
extern volatile bool sched_storm;
