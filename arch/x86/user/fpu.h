// What a program leaves in the CPU: SSE state, selectors.
#pragma once

#include "arch/x86/context.h"

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

void fpu_init_state(struct fpu_state *s); // what a program starts with
void fpu_save_current(struct fpu_state *s);
void fpu_load_current(const struct fpu_state *s); // a bad image must be masked first
void fpu_reset_current(void);                     // loads what a program starts with
void fpu_sanitize(struct fpu_state *s);           // clears reserved MXCSR bits

// Reads the program's selectors from the CPU, and loads others (switch.asm). Loading loses the
// bases of FS and GS. IRQs off.
static inline u64 context_selectors(void)
{
    u64 s;
    __asm__ volatile("mov %%ds, %0; mov %%es, 2+%0; mov %%fs, 4+%0; mov %%gs, 6+%0" : "=m"(s));
    return s;
}
void context_load_selectors(u64 selectors);
