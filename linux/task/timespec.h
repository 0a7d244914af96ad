// Times as programs give them (struct timespec, struct timeval), and as the kernel keeps them. The
// kernel keeps nanoseconds in 64 bits, which are enough for 584 years.
#pragma once

#include "arch/x86/platform.h"

#define NS_PER_USEC 1000ull
#define NS_PER_MSEC 1000000ull
#define NEVER       (~0ull)            // a deadline that does not come
#define CLK_TCK_NS  (NS_PER_SEC / 100) // times(2) and /proc count in hundredths

struct timespec {
    s64 sec, nsec;
};

struct timeval {
    s64 sec, usec;
};

static inline bool timespec_valid(const struct timespec *ts)
{
    return ts->sec >= 0 && (u64)ts->nsec < NS_PER_SEC;
}

// In ns. A time that does not fit is NEVER.
static inline u64 timespec_ns(const struct timespec *ts)
{
    return (u64)ts->sec >= NEVER / NS_PER_SEC ? NEVER : (u64)ts->sec * NS_PER_SEC + (u64)ts->nsec;
}

static inline u64 timeval_ns(const struct timeval *tv)
{
    const struct timespec whole = {.sec = tv->sec};
    u64 ns = timespec_ns(&whole), part = (u64)tv->usec * NS_PER_USEC;
    return ns + part < ns ? NEVER : ns + part;
}

static inline struct timespec ns_timespec(u64 ns)
{
    return (struct timespec){.sec = (s64)(ns / NS_PER_SEC), .nsec = (s64)(ns % NS_PER_SEC)};
}

static inline struct timeval ns_timeval(u64 ns)
{
    return (struct timeval){.sec = (s64)(ns / NS_PER_SEC),
                            .usec = (s64)(ns % NS_PER_SEC / NS_PER_USEC)};
}

static inline u64 ns_add(u64 a, u64 b)
{
    return a + b < a ? NEVER : a + b;
}
