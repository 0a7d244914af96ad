// Limits of a process on what it may take: getrlimit(2). A child has its parent's, and execve(2)
// keeps them.
//
// Every program is root. But no program may raise a hard limit again, and no program is exempt from
// a limit. On Linux this is root without CAP_SYS_RESOURCE.
#pragma once

#include "arch/x86/types.h"

struct process;
struct text;

#include <asm/resource.h>

#define MAX_FDS 256 // descriptors of one process, whatever its limit is

struct rlimit {
    u64 soft, hard;
};

// How many threads of programs there may be. Processes without threads that nobody has waited for
// count, too. Set at boot (linux/fs/sysctl.c).
extern u64 threads_max;

// Sets the limits of the first program.
void rlimits_init(struct rlimit limits[RLIM_NLIMITS]);
// Reads a limit into *old, and changes it to *new. Either pointer may be NULL. 0, -EINVAL (no such
// limit, or soft above hard), or -EPERM (hard would rise). Task context.
int rlimit_change(struct process *p, u32 which, const struct rlimit *new, struct rlimit *old);
// The running task's soft limit. A kernel thread has RLIM_INFINITY.
u64 rlimit_soft(u32 which);
// Writes all limits, as in /proc/PID/limits (proc(5)). Task context.
void rlimits_show(struct text *t, struct process *p);
