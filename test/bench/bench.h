// One binary that measures the same work on Linux and on dr7. It reads the time-stamp counter,
// which counts instructions in QEMU with -icount shift=0, and time otherwise.
#pragma once

#include "user/bp.h"

#include <stdbool.h>
#include <stdint.h>

#define BATCHES 9 // a row's value is the median of this many measurements

// Eight words that rows watch, each with its own register. The first half belongs to the measuring
// task, the second to its partner.
extern volatile uint64_t words[2 * BP_REGISTERS];

static inline uint64_t ticks(void)
{
    return __builtin_ia32_rdtsc();
}

// Makes a system call without the C library, so that only the kernel is measured. Returns -errno on
// failure.
static inline long call3(long nr, long a, long b, long c)
{
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(nr), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}

// Prints a row: the ticks for one operation. op(n) makes n of them.
void measure(const char *row, void (*op)(int n), int n);

// Sorts n values and returns the median.
uint64_t median(uint64_t *values, int n);

// Prints a row with this name and value.
void report(const char *row, uint64_t value);

// Prints errno and ends the program, because after a failure a row's number means nothing.
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

// A process that runs loop(arg) between two pipes, with `n` breakpoints on words[first...].
// partner_stop() ends it.
struct partner {
    int to, from; // pipes
    pid_t pid;
};
struct partner partner_start(int first, int n);
void partner_stop(struct partner *p);

// Sends one byte to the partner and gets one back: two switches on one CPU.
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
// Makes and joins n times a thread that returns at once.
void thread_join(int n);
