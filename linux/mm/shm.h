// Anonymous memory that processes share after fork (MAP_SHARED | MAP_ANONYMOUS).
#pragma once

#include "arch/x86/types.h"

struct vm_object;

// How many pages several objects may have together, and how many they have. Atomic.
struct shm_pool {
    u64 max, used;
};

// A new object of nr_pages pages (at least 1), with one reference. Pages come on their first touch,
// and are counted in the pool, if there is one. The owner may lower nr_pages and raise it again.
// Pages that are there stay. NULL when memory is out. Task context.
struct vm_object *shm_new(u64 nr_pages, struct shm_pool *pool);
// The owner's way to page n, also when nr_pages is less. It is like vm_object.page, but it takes no
// reference.
int shm_make(struct vm_object *o, u64 n, u64 *pa);
// Physical address of page n, or 0 when it has not been touched yet. n is below the nr_pages of
// shm_new(). No reference is taken.
u64 shm_peek(struct vm_object *o, u64 n);
