// getrusage(2)'s structure.
#pragma once

#include "kernel/base/string.h"
#include "kernel/proc/timespec.h"

struct rusage {
    struct timeval utime, stime;
    s64 maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock, msgsnd, msgrcv,
        nsignals, nvcsw, nivcsw;
};
_Static_assert(sizeof(struct rusage) == 144, "rusage is the ABI's");

// The kernel does not tell user time from system time: all is user time.
static inline void usage_fill(struct rusage *r, u64 runtime_ns, u64 minor_faults)
{
    *r = (struct rusage){.utime = ns_timeval(runtime_ns), .minflt = (s64)minor_faults};
}
