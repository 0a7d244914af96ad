// System calls without the C library, which needs thread-local data. A victim may have none.
#pragma once

#include <stdint.h>
#include <sys/syscall.h>

static inline long raw(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                       uint64_t f)
{
    register uint64_t r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static inline long raw0(uint64_t number)
{
    return raw(number, 0, 0, 0, 0, 0, 0);
}

static inline long raw1(uint64_t number, uint64_t a)
{
    return raw(number, a, 0, 0, 0, 0, 0);
}

static inline long raw3(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
    return raw(number, a, b, c, 0, 0, 0);
}
