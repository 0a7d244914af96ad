// The kernel heap: size classes up to half a page, whole pages above. Kernel stacks (kstack.c) are
// declared in arch/x86/upcalls.h.
#pragma once

#include "arch/x86/upcalls.h"

// Boot CPU, once, after page_init().
void heap_init(void);
// Zeroed memory, 16-byte aligned; NULL when memory is out. Any context but NMI and #DB.
void *kalloc(size_t size);
// NULL is allowed. Debug builds fill what is freed with 0x5a and check for double frees.
void kfree(void *p);
extern u64 heap_bytes; // in use
