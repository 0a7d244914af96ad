// A kernel symbol by its name.
#pragma once

#include "arch/x86/types.h"

// The symbol's address, or 0. If `size` is not NULL, *size gets its size.
u64 ksym_lookup(const char *name, u32 *size);

// The greatest length of a data breakpoint at addr that stays inside an object of `size` bytes. It
// is 8, 4, 2 or 1, and addr is aligned to it.
static inline u64 ksym_fitting_len(u64 addr, u64 size)
{
    u64 len = 8;
    while (len > 1 && (len > size || (addr & (len - 1))))
        len /= 2;
    return len;
}
