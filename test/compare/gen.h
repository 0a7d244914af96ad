// What the generators share: numbers that depend on the seed alone, accesses of one instruction,
// functions to break on. The memory to watch has the same address everywhere.
//
// One number a line may differ although both kernels are right. QEMU before 9.1 reports a hit
// again, together with the next hit of a lower register. A store to the same page that hits nothing
// prevents that. So each access here is followed by one to a spare word. No access is seen by two
// watchpoints of a CPU.
#pragma once

#include "user/bp.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define ARENA       ((volatile uint8_t *)0x10000000) // shared by all processes
#define ARENA_BYTES 64                               // that may be watched
#define SPARE       (ARENA + 1024)
#define FUNCTIONS   4

static uint64_t gen_state;

// xorshift64*: G. Marsaglia, "Xorshift RNGs" (2003), with S. Vigna's multiplier.
static inline uint32_t gen_below(uint32_t n)
{
    gen_state ^= gen_state >> 12;
    gen_state ^= gen_state << 25;
    gen_state ^= gen_state >> 27;
    return (uint32_t)((gen_state * 0x2545f4914f6cdd1dull) >> 32) % n;
}

static inline bool gen_chance(uint32_t percent)
{
    return gen_below(100) < percent;
}

#define gen_pick(array) ((array)[gen_below(sizeof(array) / sizeof((array)[0]))])

static inline void gen_map(void)
{
    void *p = mmap((void *)(uintptr_t)ARENA, 4096, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

    if (p != ARENA)
        exit(3);
}

// From "PROGRAM SEED OPERATIONS": the number of operations.
static inline int gen_start(int argc, char **argv)
{
    static char buffer[65536];

    if (argc != 3)
        exit(2);
    gen_state = strtoull(argv[1], NULL, 10) * 0x9e3779b97f4a7c15ull + 1;
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    gen_map();
    return atoi(argv[2]);
}

// The name of an error, the same with every C library.
static inline const char *gen_error(int error)
{
    static char text[16];
    static const struct {
        int error;
        const char *name;
    } names[] = {{0, "ok"},          {EINVAL, "EINVAL"},        {ENOSPC, "ENOSPC"},
                 {ESRCH, "ESRCH"},   {ENODEV, "ENODEV"},        {EIO, "EIO"},
                 {EFAULT, "EFAULT"}, {EBADF, "EBADF"},          {ENOENT, "ENOENT"},
                 {E2BIG, "E2BIG"},   {EPERM, "EPERM"},          {EACCES, "EACCES"},
                 {ENOTTY, "ENOTTY"}, {EOPNOTSUPP, "EOPNOTSUPP"}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].error == error)
            return names[i].name;
    snprintf(text, sizeof text, "error %d", error);
    return text;
}

// The answer of a system call that gives -1 and errno.
static inline const char *gen_answer(long result)
{
    return gen_error(result < 0 ? errno : 0);
}

// ---- accesses ----

struct access {
    bool call, write;
    uint32_t at, len; // in the arena; of a call: which function
};

#define GEN_FUNCTION(n)                                                                            \
    __attribute__((noinline, aligned(64))) static void gen_function##n(void)                       \
    {                                                                                              \
        __asm__ volatile("nop" ::"i"(n));                                                          \
    }
GEN_FUNCTION(0)
GEN_FUNCTION(1)
GEN_FUNCTION(2)
GEN_FUNCTION(3)
#undef GEN_FUNCTION

static void (*const gen_functions[FUNCTIONS])(void) = {gen_function0, gen_function1, gen_function2,
                                                       gen_function3};

// Anything, naturally aligned.
static inline struct access gen_access(void)
{
    struct access a = {.call = gen_chance(25), .write = gen_chance(70)};

    if (a.call) {
        a.at = gen_below(FUNCTIONS);
    } else {
        a.len = 1u << gen_below(4);
        a.at = gen_below(ARENA_BYTES / a.len) * a.len;
    }
    return a;
}

#define GEN_MOVE(suffix, register, type)                                                           \
    do {                                                                                           \
        type value = 1;                                                                            \
        if (a.write)                                                                               \
            __asm__ volatile("mov" suffix " %1, (%0)" ::"r"(p), register(value) : "memory");       \
        else                                                                                       \
            __asm__ volatile("mov" suffix " (%1), %0" : "=" register(value) : "r"(p) : "memory");  \
    } while (0)

static inline void gen_make(struct access a)
{
    volatile uint8_t *p = ARENA + a.at;

    if (a.call)
        gen_functions[a.at]();
    else if (a.len == 1)
        GEN_MOVE("b", "q", uint8_t);
    else if (a.len == 2)
        GEN_MOVE("w", "r", uint16_t);
    else if (a.len == 4)
        GEN_MOVE("l", "r", uint32_t);
    else
        GEN_MOVE("q", "r", uint64_t);
    *(volatile uint64_t *)SPARE = 1;
}
#undef GEN_MOVE

static inline void gen_print(struct access a)
{
    if (a.call)
        printf("call %u", a.at);
    else
        printf("%s %u+%u", a.write ? "store" : "load", a.at, a.len);
}

// Whether a breakpoint of this type there would see the access.
static inline bool gen_hits(struct access a, uint32_t type, uint64_t addr, uint64_t len)
{
    uint64_t from = (uintptr_t)ARENA + a.at;

    if (a.call)
        return type == HW_BREAKPOINT_X && addr == (uintptr_t)gen_functions[a.at];
    return type != HW_BREAKPOINT_X && (a.write || type == HW_BREAKPOINT_RW) &&
           addr < from + a.len && from < addr + len;
}
