// Memory for gdb, through the page tables and the debugger's window: an address that is not mapped
// is an error, never a fault, and what the kernel maps read-only can be written. A session only.
#pragma once

#include "sched/task.h"

// Reads or writes `n` bytes as the task sees them. 0, or -EFAULT; then the part before the bad page
// has been done.
int memory_move(const struct task *t, u64 addr, u8 *bytes, size_t n, bool write);
