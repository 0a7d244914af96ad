// Anonymous memory that processes share after fork (MAP_SHARED | MAP_ANONYMOUS).
#pragma once

#include "arch/x86/types.h"

struct vm_object;

// A new object of nr_pages pages, with one reference. Pages come on their first touch. The owner
// may lower nr_pages and raise it again: pages that are there stay. NULL when memory is out. Task
// context.
struct vm_object *shm_new(u64 nr_pages);
// Physical address of page n, or 0 when it has not been touched yet. No reference is taken.
u64 shm_peek(struct vm_object *o, u64 n);
