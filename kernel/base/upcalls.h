// The upcalls of kernel/base.
#pragma once

#include "arch/x86/types.h"

// sched/core.c. A switch or a kick is due: does it if the preemption count is 0, a switch only with
// IRQs on.
void preempt_due(void);

// sched/core.c. Name and tid of the running task, for a panic's message. Any context.
void panic_describe_task(char *buf, size_t size);

// hwbp/panic.c. Prints the slot table and the registers of this CPU. Any context.
void panic_print_breakpoints(void);
