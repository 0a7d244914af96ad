// Waiting for a change of a word in user memory (futex(2)). C libraries use it to make mutexes and
// to wait for threads.
#pragma once

#include "arch/x86/types.h"

struct mm;

// Wakes at most n waiters for this word of the address space. Returns how many. Task context.
int futex_wake(struct mm *mm, u64 addr, u32 n);
// The running thread leaves its memory. `head` is its robust list (set_robust_list(2)), or 0. Marks
// the words of the list that the thread still owns, and wakes their waiters. Task context.
void futex_owner_dies(u64 head);
