// The vocabulary every file shares: integer names, container_of, compiler marks.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;
typedef long ssize_t;

#define ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))
#define BIT(n)                          (1ull << (n))
#define MIN(a, b)                       ((a) < (b) ? (a) : (b))
#define MAX(a, b)                       ((a) > (b) ? (a) : (b))
#define ALIGN_UP(x, a)                  (((x) + (a)-1) & ~((u64)(a)-1))
#define ALIGN_DOWN(x, a)                ((x) & ~((u64)(a)-1))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define likely(x)                       __builtin_expect(!!(x), 1)
#define unlikely(x)                     __builtin_expect(!!(x), 0)
#define barrier()                       __asm__ volatile("" ::: "memory")

// Runs the loop for each bit that is set in `mask`, from the lowest; i is the bit's number.
#define for_each_bit(i, mask)                                                                      \
    for (u32 left_ = (mask), i; left_ && (i = __builtin_ctz(left_), 1); left_ &= left_ - 1)

#define __packed       __attribute__((packed))
#define __aligned(n)   __attribute__((aligned(n)))
#define __noreturn     __attribute__((noreturn))
#define __printf(f, a) __attribute__((format(printf, f, a)))

// Expensive checks, only with DEBUG=1.
#ifdef DEBUG
#define DEBUG_BUILD 1
#else
#define DEBUG_BUILD 0
#endif
// A call that only the debug build makes; most of them are of kernel/checks.
#define CHECKED(call)                                                                              \
    do {                                                                                           \
        if (DEBUG_BUILD)                                                                           \
            call;                                                                                  \
    } while (0)

// Code and data that the #DB path uses while DR7 is on: before it has switched DR7 off, and after
// it has switched DR7 on again. A breakpoint there would fire inside the #DB path, without end.
// linker.ld gathers them between __protected_text_start/_end and __protected_data_start/_end, and
// hwbp/validate.c refuses breakpoints there.
#define __protected_text __attribute__((section(".text.protected"), noinline))
#define __protected_data __attribute__((section(".data.protected")))
#define __protected_bss  __attribute__((section(".bss.protected"))) // zero at first
