// One binary that measures the same work on Linux and on dr7. It reads the time-stamp counter,
// which counts instructions in QEMU with -icount shift=0, and time otherwise.
#pragma once

#include "user/bp.h"

#include <stdbool.h>
#include <stdint.h>

#define BATCHES 9 // a row's value is the median of so many measurements

// Eight words that rows watch, far enough apart to have a register each: the first half is the
// measuring task's, the second its partner's.
extern volatile uint64_t words[2 * BP_REGISTERS];

static inline uint64_t ticks(void)
{
    return __builtin_ia32_rdtsc();
}

// Without the C library's errno, so that only the kernel is measured. -errno.
static inline long call3(long nr, long a, long b, long c)
{
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(nr), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}

// Prints a row: ticks per operation of op(n), which does n of them.
void measure(const char *row, void (*op)(int n), int n);

// The one in the middle of n values, which it sorts.
uint64_t median(uint64_t *values, int n);

// Prints a row of its own making: name and value.
void report(const char *row, uint64_t value);

// Ends the program: a row's work failed, so its number would mean nothing. Says errno.
void failed(const char *what) __attribute__((noreturn));

// Ends the program unless `right`.
static inline void need(bool right, const char *what)
{
    if (!right)
        failed(what);
}

// Opens n breakpoints of the caller on words[first...]; they stay until close_words().
void open_words(int first, int n, bool inherit);
void close_words(void);

// A process of its own that runs loop(arg), with `n` breakpoints on words[first...], between two
// pipes; ended by partner_stop().
struct partner {
    int to, from; // pipes
    pid_t pid;
};
struct partner partner_start(int first, int n);
void partner_stop(struct partner *p);

// One byte to the partner and one back: two switches when there is one CPU.
void partner_round(const struct partner *p);

void bench_calls(void);
void bench_switches(void);
void bench_tasks(void);
void bench_ptrace(void);
void bench_turns(void);
void bench_beside(void);
void bench_many(void);
void bench_holdups(void);
void bench_cpus(void);
// A thread that returns at once, made and joined n times.
void thread_join(int n);
