// What a process or a thread has used, as the kernel keeps it and as getrusage(2) tells it.
#pragma once

#include "kernel/base/string.h"
#include "linux/task/timespec.h"

struct usage {
    u64 runtime_ns;               // time on CPUs
    u64 system_ns;                // the part of it in the kernel (usage_split)
    u64 user_ticks, system_ticks; // ticks that found it in ring 3, and in the kernel
    u64 minor_faults;
    u64 peak_pages; // the most pages that were there at once
};

// The two parts of the CPU time, as a program was told last.
struct cpu_time {
    u64 user_ns, system_ns;
};

static inline void usage_add(struct usage *to, const struct usage *more)
{
    to->runtime_ns += more->runtime_ns;
    to->system_ns += more->system_ns;
    to->user_ticks += more->user_ticks;
    to->system_ticks += more->system_ticks;
    to->minor_faults += more->minor_faults;
    to->peak_pages = MAX(to->peak_pages, more->peak_pages);
}

// Computes u->system_ns. The CPU time as a whole is exact. The kernel's part of the time is taken
// to be the kernel's part of the ticks. That is a bad estimate for a short time. Neither part is
// ever less than the program was told before.
static inline void usage_split(struct usage *u, struct cpu_time *told)
{
    u64 ticks = u->user_ticks + u->system_ticks, system = 0;
    // The time of a thread that runs is read without a lock, so it may be too small.
    u->runtime_ns = MAX(u->runtime_ns, told->user_ns + told->system_ns);
    if (ticks) // in two steps, which do not overflow
        system = u->runtime_ns / ticks * u->system_ticks +
                 u->runtime_ns % ticks * u->system_ticks / ticks;
    system = MIN(MAX(system, told->system_ns), u->runtime_ns - told->user_ns);
    *told = (struct cpu_time){u->runtime_ns - system, system};
    u->system_ns = system;
}

static inline u64 usage_user_ns(const struct usage *u)
{
    return u->runtime_ns - u->system_ns;
}

struct rusage {
    struct timeval utime, stime;
    s64 maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock, msgsnd, msgrcv,
        nsignals, nvcsw, nivcsw;
};
_Static_assert(sizeof(struct rusage) == 144, "rusage is the ABI's");

static inline struct rusage usage_tell(const struct usage *u)
{
    return (struct rusage){
        .utime = ns_timeval(usage_user_ns(u)),
        .stime = ns_timeval(u->system_ns),
        .maxrss = (s64)(u->peak_pages * PAGE_SIZE / 1024),
        .minflt = (s64)u->minor_faults,
    };
}
