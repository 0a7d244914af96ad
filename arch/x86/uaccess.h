// Copies between the kernel and the running program. An address outside user space or an access
// that faults without remedy gives -EFAULT; the kernel never crashes on a user pointer. Tasks only
// (may fault, and the fault takes the address space's lock: not under that lock).
#pragma once

#include "arch/x86/layout.h"

// 0 or -EFAULT. On failure a part may have been copied.
int copy_from_user(void *to, u64 from, size_t n);
int copy_to_user(u64 to, const void *from, size_t n);
int clear_user(u64 to, size_t n);

// Copies up to `max` bytes including the NUL. Length without NUL, -EFAULT, or -ENAMETOOLONG when no
// NUL came.
ssize_t strncpy_from_user(char *to, u64 from, size_t max);

// Like copy_from_user, but with page faults refused: usable in interrupt context. 0 or -EFAULT.
int copy_from_user_atomic(void *to, u64 from, size_t n);

static inline bool user_range_ok(u64 addr, u64 n)
{
    return n <= TASK_SIZE_MAX && addr <= TASK_SIZE_MAX - n;
}

#define get_user(val, addr) copy_from_user(&(val), (addr), sizeof(val))
#define put_user(val, addr) copy_to_user((addr), &(val), sizeof(val))
