// The upcalls of sched: what it asks of perf and of linux/proc.
#pragma once

#include "sched/task.h"

struct mm;
struct trace_record;

// perf/switch.c. Around every switch (S3): IRQs off, no lock held. Between the two no debug
// register moves.
void perf_switch_out(struct task *prev, struct task *next);
void perf_switch_in(struct task *prev, struct task *next);

// perf/switch.c. This CPU is about to run tasks; its own context starts. IRQs off.
void perf_cpu_start(u32 cpu);

// perf/switch.c. Each tick on each CPU, IRQs off.
void perf_tick(void);

// kernel/irq.c. The same, before perf_tick(): what else is due now. `f` is what was interrupted.
void sched_ticked(struct trapframe *f);

// linux/sched/hotplug.c. This CPU is not among cpus_online() any more: its idle task calls this,
// with IRQs off, and comes back when the CPU is wanted again.
void sched_rest(void);

// linux/sched/trace.c. Keeps a record; its `ns` is filled in there. Only by TRACE(). Any context.
void trace_put(const struct trace_record *r);

// linux/mm/mm.c. Loads this address space's tables on this CPU; NULL: the kernel's own. IRQs off.
void mm_activate(struct mm *mm);

// linux/proc/exit.c. The running task is ending (task_exit): release what belongs to it. Task
// context, IRQs on.
void task_exiting(struct task *t);

// linux/proc/exit.c. The last reference to a dead task is gone; frees what upper layers hung on
// it. Task context.
void task_released(struct task *t);
