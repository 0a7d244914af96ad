// Waiting on a word of user memory (futex(2)): what mutexes and joins of threads are made of.
#pragma once

#include "arch/x86/types.h"

struct mm;

// Once at boot.
void futex_init(void);
// Wakes at most n waiters on this word of the address space. How many.
int futex_wake(struct mm *mm, u64 addr, u32 n);
// The running thread leaves its memory: marks the words of its robust list (set_robust_list(2), at
// `head`; 0: none) that it still owns, and wakes who waits for them.
void futex_owner_dies(u64 head);
