// What a sample says of the machine: registers, and where an address is in memory.
#pragma once

#include "arch/x86/trap.h"

#define PERF_REGS_WORDS (1 + 20)    // the ABI, and what a frame has
#define PERF_REGS_KNOWN 0xff0fffull // by the numbers of the ABI; DS to GS are in no frame

struct words;

// The program's registers at a sample that was taken at `regs`; NULL in a kernel thread.
const struct trapframe *perf_user_regs(const struct trapframe *regs);

// Puts the ABI and the registers of `mask`, as far as they are known. regs NULL: there are none.
void perf_put_regs(struct words *w, u64 mask, const struct trapframe *regs);

// The physical address behind `addr` and the size of its page; 0 where nothing is, or no task with
// an address space. Kernel pages have no size. Any context.
u64 perf_phys_addr(u64 addr);
u64 perf_page_size(u64 addr);
