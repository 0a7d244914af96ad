// What the breakpoint tests share. Each access is one instruction, so that counts are exact.
#pragma once

#include "test/user/utest.h"

static inline void store1(volatile void *p, uint8_t v)
{
    __asm__ volatile("movb %1, (%0)" ::"r"(p), "q"(v) : "memory");
}

static inline void store2(volatile void *p, uint16_t v)
{
    __asm__ volatile("movw %1, (%0)" ::"r"(p), "r"(v) : "memory");
}

static inline void store4(volatile void *p, uint32_t v)
{
    __asm__ volatile("movl %1, (%0)" ::"r"(p), "r"(v) : "memory");
}

static inline void store8(volatile void *p, uint64_t v)
{
    __asm__ volatile("movq %1, (%0)" ::"r"(p), "r"(v) : "memory");
}

static inline uint8_t load1(const volatile void *p)
{
    uint8_t v;

    __asm__ volatile("movb (%1), %0" : "=q"(v) : "r"(p) : "memory");
    return v;
}

static inline uint64_t load8(const volatile void *p)
{
    uint64_t v;

    __asm__ volatile("movq (%1), %0" : "=r"(v) : "r"(p) : "memory");
    return v;
}

// Opens a breakpoint of the caller. A refusal fails the test.
static inline int bp_must(uint32_t type, const volatile void *addr, uint64_t len)
{
    int fd = bp_open(type, addr, len);

    if (fd < 0)
        utest_fail(__FILE__, __LINE__, "breakpoint type %u len %llu: errno %d (%s)", type,
                   (unsigned long long)len, errno, strerror(errno));
    return fd;
}

// Opens an event. A refusal fails the test.
#define MUST_OPEN(attr, pid, cpu)                                                                  \
    ({                                                                                             \
        int fd_ = bp_open_attr(attr, pid, cpu);                                                    \
        REQUIRE(fd_ >= 0);                                                                         \
        fd_;                                                                                       \
    })

// Closes the breakpoint and returns its last count.
static inline int64_t bp_end(int fd)
{
    int64_t count = bp_read(fd);

    close(fd);
    return count;
}
