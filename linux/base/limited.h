// Counts of things that have a limit. They are atomic.
#pragma once

#include "arch/x86/types.h"

// Counts n more things. Returns false, and counts nothing, if there would be more than `limit`.
static inline bool count_up(u64 *count, u64 n, u64 limit)
{
    if (__atomic_add_fetch(count, n, __ATOMIC_RELAXED) <= limit)
        return true;
    __atomic_fetch_sub(count, n, __ATOMIC_RELAXED);
    return false;
}
