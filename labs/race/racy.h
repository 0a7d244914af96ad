// Code with races, for the lab: see racy.c.
#pragma once

// With "racy=WHICH" on the command line: runs that code on two CPUs and the race finder beside it,
// then switches the machine off. Without it: race_start(). Task context.
void racy_run(void);
