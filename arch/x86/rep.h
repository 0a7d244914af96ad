// The string instructions, for bulk copies and fills upwards in kernel memory.
#pragma once

#include "arch/x86/types.h"

// Words first: microcode makes no difference, but the emulators work per iteration.
static inline void rep_copy(void *to, const void *from, size_t n)
{
    size_t words = n / 8, rest = n % 8;
    __asm__ volatile("rep movsq\n"
                     "mov %3, %2\n"
                     "rep movsb"
                     : "+D"(to), "+S"(from), "+c"(words)
                     : "r"(rest)
                     : "memory");
}

static inline void rep_fill(void *to, u8 c, size_t n)
{
    size_t words = n / 8, rest = n % 8;
    __asm__ volatile("rep stosq\n"
                     "mov %2, %1\n"
                     "rep stosb"
                     : "+D"(to), "+c"(words)
                     : "r"(rest), "a"(c * 0x0101010101010101ull)
                     : "memory");
}

// How many of the first n words at a and b are equal before two differ.
static inline size_t rep_equal(const void *a, const void *b, size_t n)
{
    size_t left = n;
    bool differ;
    if (!n)
        return 0;
    __asm__ volatile("repe cmpsq" : "+D"(a), "+S"(b), "+c"(left), "=@ccne"(differ)::"memory");
    return n - left - differ;
}
