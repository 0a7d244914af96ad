// The kernel heap: size classes up to half a page, whole pages above; and kernel stacks.
#pragma once

#include "arch/x86/types.h"

// Boot CPU, once, after page_init().
void heap_init(void);
// Zeroed memory, 16-byte aligned; NULL when memory is out. Any context but NMI and #DB.
void *kalloc(size_t size);
// NULL is allowed. Debug builds fill what is freed with 0x5a and check for double frees.
void kfree(void *p);
u64 heap_bytes_in_use(void);

// A kernel stack with an unmapped page below it; returns its top, 0 when memory is out. Task
// context.
u64 kstack_alloc(void);
void kstack_free(u64 top);
// True if addr lies in the region of kernel stacks (mapped or guard).
bool kstack_contains(u64 addr, u64 *top);
