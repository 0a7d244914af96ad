// The init process, pid 1: a kernel thread without a program. It adopts orphans, which vanish when
// they end.
#pragma once

#include "arch/x86/types.h"

struct process;

// Makes the init process. Boot CPU, once, when tasks can be created.
void proc_init(void);

// Has the init thread send SIGALRM to a process. Any context but NMI and #DB.
void init_alarm(struct process *p);
// Sends what init_alarm() has left and is not sent yet: on return it is. Task context.
void init_alarm_now(struct process *p);

// Runs a program as a child of init, standard files on the console, and waits for it. Its wait
// status (wait(2)), or -errno when it could not be started. Task context.
int proc_run_init(const char *path, int argc, char **argv);
