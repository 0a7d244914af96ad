// The CPU state of a task that does not run: kernel stack pointer, SSE state, selectors, FS base
// and GS base.
#pragma once

#include "arch/x86/types.h"

struct trapframe;

// FXSAVE image (SDM vol. 1, 10.5.1). AVX is not offered: CR4.OSXSAVE stays clear, so programs see
// none.
struct fpu_state {
    u16 fcw, fsw;
    u8 last_x87[20]; // tags, opcode, addresses
    u32 mxcsr, mxcsr_mask;
    u8 registers[432];
    u64 software[6]; // left to software: a zero first says that no more state follows
} __aligned(16);
_Static_assert(sizeof(struct fpu_state) == 512, "the processor's layout");

struct arch_task {
    u64 rsp;       // while switched out
    u64 stack_top; // first byte above the kernel stack
    u64 fs_base;
    u64 gs_base;           // the user's; in MSR_KERNEL_GS_BASE while the kernel runs
    u64 selectors;         // DS, ES, FS, GS, sixteen bits each; hardly ever other than 0
    struct fpu_state *fpu; // NULL for kernel threads
};

// The switch itself (switch.asm): push the callee-saved registers, exchange stacks, pop.
void context_switch(u64 *save_rsp, u64 load_rsp);

// Prepares a stack so that the first switch to it calls fn(arg) with IRQs off.
void context_prepare(struct arch_task *a, void (*fn)(void *), void *arg);

// The rest of a switch: SSE image, selectors, FS base, GS base, and the kernel stack in the TSS.
// IRQs off.
void context_leave(struct arch_task *prev);
void context_enter(struct arch_task *next);

// Reads the program's selectors from the CPU, and loads others (switch.asm). Loading loses the
// bases of FS and GS. IRQs off.
static inline u64 context_selectors(void)
{
    u64 s;
    __asm__ volatile("mov %%ds, %0; mov %%es, 2+%0; mov %%fs, 4+%0; mov %%gs, 6+%0" : "=m"(s));
    return s;
}
void context_load_selectors(u64 selectors);

// Fills in the registers that are known of a task that is switched out: rbx, rbp, r12-r15, rsp,
// rip. For debuggers.
void context_saved(const struct arch_task *a, struct trapframe *f);

// The frame of a task that came from ring 3: always at the top of its kernel stack.
struct trapframe *context_user_frame(struct arch_task *a);

void fpu_init_state(struct fpu_state *s); // what a program starts with
void fpu_save_current(struct fpu_state *s);
void fpu_load_current(const struct fpu_state *s); // a bad image must be masked first
void fpu_sanitize(struct fpu_state *s);           // clears reserved MXCSR bits

// Walks the frame pointers from rbp: fills `ips` with at most `max` return addresses and returns
// how many. Stops at the first frame outside the kernel stack that contains rbp. Wrong frame
// pointers do no harm.
int backtrace_kernel(u64 rip, u64 rbp, u64 *ips, int max);
