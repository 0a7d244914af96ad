// Call chains of samples.
#pragma once

#include "arch/x86/trap.h"
#include "linux/perf/abi.h"

// Two kinds, each opened by its PERF_CONTEXT_*.
#define PERF_CALLCHAIN_WORDS (2 + PERF_MAX_STACK)

// Fills `ips` with the chain at `regs`, innermost first. How many, at most PERF_CALLCHAIN_WORDS.
// Any context, IRQs off; safe on any stack.
u32 perf_callchain(const struct perf_event_attr *attr, const struct trapframe *regs, u64 *ips);
