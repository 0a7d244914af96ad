// One instruction at a time, by RFLAGS.TF.
//
// In ring 0 interrupts are off during the step. Otherwise a whole interrupt could belong to the
// step, and the task could come back on another CPU. So instructions that read or change IF need
// care.
#pragma once

#include "debug/kgdb/stop.h"

// How long the other CPUs are held while one steps alone, in ticks of the TSC. A step that takes
// longer waits for one of them, so they are let go.
extern u64 kgdb_step_limit;
void kgdb_step_init(void);

// Prepares the step of a stopped CPU. 0, or -EINVAL in protected text, where #DB itself begins and
// ends: there no step may end. Sets plan->step_cpu. Sets plan->alone to false if the instruction
// may have to wait for another CPU. Sets *done if the step has been made already.
int kgdb_step_begin(u32 cpu, struct plan *plan, bool *done);
// Puts IF right after the step, whether or not the step was made. All CPUs are stopped.
void kgdb_step_end(void);
// True if this CPU makes a step for gdb. Protected.
bool kgdb_steps(u32 cpu);
