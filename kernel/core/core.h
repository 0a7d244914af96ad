// What the core has besides the floor.
#pragma once

#include "arch/x86/types.h"

// Runs the demonstration, and prints what it measures. True if everything was as it must be. Task
// context.
bool demo_run(void);

// The trace (sched/trace.h), if "trace=1" is on the command line: from now on; and no more. Then
// what was kept goes to the second serial port. Task context.
void trace_begin(void);
void trace_end(void);
