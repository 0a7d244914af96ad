// Call chains of samples.
#pragma once

#include "arch/x86/trap.h"
#include "linux/perf/abi.h"

// The words of the longest chain: PERF_CONTEXT_KERNEL, PERF_CONTEXT_USER, and the addresses.
#define PERF_CALLCHAIN_WORDS (2 + PERF_MAX_STACK)

struct words;

// Puts the number of words that follow, then the call chain at `regs`, the innermost function
// first. It does not trust frame pointers, so it is safe on any stack. Any context, IRQs off.
void perf_put_callchain(struct words *w, const struct perf_event_attr *attr,
                        const struct trapframe *regs);
