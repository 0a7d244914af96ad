// What becomes of the core's trace (sched/trace.h).
#pragma once

// "trace=1" on the command line: from now on. Task context.
void trace_begin(void);
// No more; what was kept goes to the second serial port. Task context.
void trace_end(void);
