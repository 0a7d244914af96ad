// Counts of things of which there may be only so many. They are atomic.
#pragma once

#include "arch/x86/types.h"

// Counts n more things; false, and nothing is counted: there would be more than `limit`.
static inline bool count_up(u64 *count, u64 n, u64 limit)
{
    if (__atomic_add_fetch(count, n, __ATOMIC_RELAXED) <= limit)
        return true;
    __atomic_fetch_sub(count, n, __ATOMIC_RELAXED);
    return false;
}
