// The upcalls of linux/ptrace: what it asks of the room above.
#pragma once

#include "arch/x86/types.h"

struct process;
struct siginfo;

// linux/proc/exit.c. Reaps a zombie if nobody will ask for its status. proc_lock held.
void process_reap_if_unwanted(struct process *p);
// linux/proc/exit.c. Tells the parent that p has ended. Reaps p if the parent does not ask for the
// status. proc_lock held.
void process_tell_end(struct process *p);

// linux/proc/signal_frame.c. Copies between user memory and the kernel. 0 or -EFAULT. Task context.
int siginfo_to_user(u64 to, const struct siginfo *info);
int siginfo_from_user(struct siginfo *info, u64 from);
