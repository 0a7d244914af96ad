// Memory for gdb, through the page tables and the debugger's window: an address that is not mapped
// is an error, never a fault, and what the kernel maps read-only can be written. A session only.
#pragma once

#include "sched/task.h"

// As the task sees it. 0, or -EFAULT; then the part before the bad page has been done.
int memory_read(const struct task *t, u64 addr, void *to, size_t n);
int memory_write(const struct task *t, u64 addr, const void *from, size_t n);
