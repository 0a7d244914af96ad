// Stopping when the kernel itself is wrong. panic() and panic_trap() are declared in
// arch/x86/upcalls.h.
//
// A panic stops the other CPUs by NMI. It prints what happened, the CPU, the task, the registers
// and the backtraces of all CPUs with symbols. Then it switches the machine off with status
// PANIC_STATUS. A panic inside a panic prints one more line; a third one only switches off.
#pragma once

#include "arch/x86/upcalls.h"

#define PANIC_STATUS 0x2a

// A condition the code relies on. Costs a compare; stays in all builds.
#define ASSERT(cond)                                                                               \
    do {                                                                                           \
        if (unlikely(!(cond)))                                                                     \
            panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #cond);                       \
    } while (0)

// A panic whose cause is the code that `f` has interrupted on this CPU. Any context, IRQs off.
__noreturn void panic_at(const struct trapframe *f, const char *fmt, ...) __printf(2, 3);

// Prints a backtrace of the running code, one line per frame.
void print_backtrace(u64 rip, u64 rbp);
