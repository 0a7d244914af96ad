// The CPU state of a task that does not run: kernel stack pointer, SSE state, selectors, FS base
// and GS base.
#pragma once

#include "arch/x86/types.h"

struct trapframe;

struct fpu_state; // arch/x86/user/fpu.h

struct arch_task {
    u64 rsp;       // while switched out
    u64 stack_top; // first byte above the kernel stack
    u64 fs_base;
    u64 gs_base;           // the user's; in MSR_KERNEL_GS_BASE while the kernel runs
    u64 selectors;         // DS, ES, FS, GS, sixteen bits each; hardly ever other than 0
    struct fpu_state *fpu; // NULL for kernel threads
};

// What context_switch() has pushed on the stack of a task that is switched out.
struct switch_frame {
    u64 r15, r14, r13, r12, rbx, rbp, rip;
};

// The switch itself (switch.asm): push the callee-saved registers, exchange stacks, pop.
void context_switch(u64 *save_rsp, u64 load_rsp);

// Prepares a stack so that the first switch to it calls fn(arg) with IRQs off.
void context_prepare(struct arch_task *a, void (*fn)(void *), void *arg);

// The rest of a switch: SSE image, selectors, FS base, GS base, and the kernel stack in the TSS.
// IRQs off.
void context_leave(struct arch_task *prev);
void context_enter(struct arch_task *next);

// The frame of a task that came from ring 3: always at the top of its kernel stack.
struct trapframe *context_user_frame(struct arch_task *a);

// Walks the frame pointers from rbp: fills `ips` with at most `max` return addresses and returns
// how many. Stops at the first frame outside the kernel stack that contains rbp. Wrong frame
// pointers do no harm.
int backtrace_kernel(u64 rip, u64 rbp, u64 *ips, int max);
