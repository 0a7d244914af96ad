// Call chains of samples.
#pragma once

#include "arch/x86/trap.h"
#include "linux/perf/abi.h"

// Two kinds, each opened by its PERF_CONTEXT_*.
#define PERF_CALLCHAIN_WORDS (2 + PERF_MAX_STACK)

struct words;

// Puts the number of words that follow, and the chain at `regs`, innermost first. Any context, IRQs
// off; safe on any stack.
void perf_put_callchain(struct words *w, const struct perf_event_attr *attr,
                        const struct trapframe *regs);
