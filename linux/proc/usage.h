// What a process has used, as the kernel keeps it and as getrusage(2) tells it.
#pragma once

#include "kernel/base/string.h"
#include "linux/proc/timespec.h"

struct usage {
    u64 runtime_ns, minor_faults;
    u64 peak_pages; // that were there at once
};

static inline void usage_add(struct usage *to, const struct usage *more)
{
    to->runtime_ns += more->runtime_ns;
    to->minor_faults += more->minor_faults;
    to->peak_pages = MAX(to->peak_pages, more->peak_pages);
}

struct rusage {
    struct timeval utime, stime;
    s64 maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock, msgsnd, msgrcv,
        nsignals, nvcsw, nivcsw;
};
_Static_assert(sizeof(struct rusage) == 144, "rusage is the ABI's");

// The kernel does not tell user time from system time: all is user time.
static inline struct rusage usage_tell(const struct usage *u)
{
    return (struct rusage){
        .utime = ns_timeval(u->runtime_ns),
        .maxrss = (s64)(u->peak_pages * PAGE_SIZE / 1024),
        .minflt = (s64)u->minor_faults,
    };
}
