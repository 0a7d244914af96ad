// Test aid of debug builds: memory that is out when a test wants it.
#pragma once

#include "arch/x86/types.h"

// Of the allocations that the running task makes from now on, number `nth` fails, once (1 is the
// next one). It counts pages_alloc() and kalloc(). 0 calls the failure off. Returns how many
// allocations were still to come before the failure that is called off; 0 when it has happened.
u64 mm_inject_failure(u64 nth);

// Where the last failure was: return addresses, the allocator's first; 0 where there are no more.
#define MM_FAILURE_CALLERS 6
void mm_failure_read_callers(u64 callers[MM_FAILURE_CALLERS]);
