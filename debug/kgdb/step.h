// One instruction at a time, by RFLAGS.TF.
//
// Interrupts are off for the step in ring 0, or a step could be a whole interrupt long, and the
// task come back on another CPU. So instructions that read or change IF need care.
#pragma once

#include "debug/kgdb/stop.h"

// How long the others are held while one steps alone, in ticks of the TSC: longer means that the
// step waits for one of them.
extern u64 kgdb_step_limit;
void kgdb_step_init(void);

// Prepares the step of a stopped CPU. 0; -EINVAL: in protected text, where #DB itself is entered
// and left, no step may end. Sets plan->step_cpu, and plan->alone to false where the instruction
// may have to wait for another CPU. `*done` tells that the step has been made at once.
int kgdb_step_begin(u32 cpu, struct plan *plan, bool *done);
// All stopped: what the step has done to IF is put right, whether it was made or not.
void kgdb_step_end(void);
// Does this CPU make a step for gdb? Protected.
bool kgdb_steps(u32 cpu);
