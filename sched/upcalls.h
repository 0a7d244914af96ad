// The upcalls of sched: what it asks of perf and of linux/proc.
#pragma once

#include "sched/task.h"

struct mm;

// perf/switch.c. Around every switch (S3): IRQs off, no lock held. Between the two no debug
// register moves.
void perf_switch_out(struct task *prev, struct task *next);
void perf_switch_in(struct task *prev, struct task *next);

// perf/switch.c. This CPU is about to run tasks; its own context starts. IRQs off.
void perf_cpu_start(u32 cpu);

// perf/switch.c. This CPU is to run no tasks for a while: its own context leaves the registers and
// keeps what it has counted, until perf_cpu_start(). Its idle task runs. IRQs off.
void perf_cpu_stop(u32 cpu);

// perf/switch.c. Each tick on each CPU, IRQs off.
void perf_tick(void);

// linux/mm/mm.c. Loads this address space's tables on this CPU; NULL: the kernel's own. IRQs off.
void mm_activate(struct mm *mm);

// linux/proc/exit.c. The running task is ending (task_exit): release what belongs to it. Task
// context, IRQs on.
void task_exiting(struct task *t);

// linux/proc/exit.c. The last reference to a dead task is gone; frees what upper layers hung on
// it. Task context.
void task_released(struct task *t);
