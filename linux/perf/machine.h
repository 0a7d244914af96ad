// What a sample says about the machine: registers, and the physical place of an address.
#pragma once

#include "arch/x86/trap.h"

#define PERF_REGS_WORDS (1 + 20)    // a word for the ABI, and the registers of a trap frame
#define PERF_REGS_KNOWN 0xff0fffull // one bit each; frames lack DS, ES, FS and GS

struct words;

// The program's registers for a sample at `regs`, or NULL in a kernel thread. IRQs off, any
// context.
const struct trapframe *perf_user_regs(const struct trapframe *regs);

// Puts the ABI and the registers of `mask`, as far as they are known. With regs NULL it puts the
// ABI "none".
void perf_put_regs(struct words *w, u64 mask, const struct trapframe *regs);

// The physical address of `addr`, and the size of its page in bytes. 0 if nothing is mapped there.
// The size of kernel pages is 0, too. Any context.
u64 perf_phys_addr(u64 addr);
u64 perf_page_size(u64 addr);
