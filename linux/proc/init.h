// The init process, pid 1: a kernel thread without a program. Init is the parent of orphans. They
// vanish when they end.
#pragma once

#include "arch/x86/types.h"

// Makes the init process. Boot CPU, once, after sched_init().
void proc_init(void);

// Lets the init thread call itimers_check(). Any context but NMI and #DB.
void init_alarm(void);

// Runs a program as a child of init, with its standard files on the console, and waits for its end.
// Returns its wait status (wait(2)), or -errno when it could not be started. Task context.
int proc_run_init(const char *path, int argc, char **argv);
