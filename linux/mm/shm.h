// Anonymous memory that processes share after fork (MAP_SHARED | MAP_ANONYMOUS).
#pragma once

#include "arch/x86/types.h"

struct vm_object;

// With one reference; pages come on first touch. Its owner may lower nr_pages and raise it again:
// pages that are there stay. NULL: no memory.
struct vm_object *shm_new(u64 nr_pages);
// Physical address of page n, 0: not touched yet. No reference is taken.
u64 shm_peek(struct vm_object *o, u64 n);
