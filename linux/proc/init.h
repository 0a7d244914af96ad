// The init process, pid 1: a kernel thread without a program. It adopts orphans, which vanish when
// they end.
#pragma once

#include "arch/x86/types.h"

// Makes the init process. Boot CPU, once, when tasks can be created.
void proc_init(void);

// Has the init thread call itimers_check() for all processes. Any context but NMI and #DB.
void init_alarm(void);

// Runs a program as a child of init, standard files on the console, and waits for it. Its wait
// status (wait(2)), or -errno when it could not be started. Task context.
int proc_run_init(const char *path, int argc, char **argv);
