// Memory for gdb, by way of the page tables and the debugger's window. An address that is not
// mapped is an error and never a fault. Memory that the kernel maps read-only can be written. Only
// during a session.
#pragma once

#include "sched/task.h"

// Reads or writes `n` bytes at `addr` as the task sees them. 0, or -EFAULT: a page is not mapped,
// and the bytes before this page have been moved.
int memory_move(const struct task *t, u64 addr, u8 *bytes, size_t n, bool write);
