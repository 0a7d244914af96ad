// What the files of the address-space code offer each other. The caller of each function holds the
// lock of the address space: alone, or, where the comment says "shared", shared with other tasks.
#pragma once

#include "linux/mm/vm.h"

// The first area that ends after addr, or NULL. Shared.
struct vm_area *vm_find(struct mm *mm, u64 addr);

// The flags of the page-table entry for a page of this area that is not copy-on-write. Shared.
u64 vm_page_flags(const struct vm_area *area);

// Counts one more page that is there. Shared.
static inline void vm_count_page(struct mm *mm)
{
    u64 now = __atomic_add_fetch(&mm->nr_pages, 1, __ATOMIC_RELAXED);
    u64 peak = __atomic_load_n(&mm->peak_pages, __ATOMIC_RELAXED);
    while (now > peak && !__atomic_compare_exchange_n(&mm->peak_pages, &peak, now, true,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

// Brings the page at addr in, writable if `write`. Returns what mm_fault() returns. With `force` it
// may be written although the area forbids that. A page that others share copy-on-write is copied
// only with `copy`, which needs the lock alone. Without `copy` (lock shared) such a page stays as
// it is, and a write faults again.
int vm_fault_in(struct mm *mm, u64 addr, bool write, bool fetch, bool force, bool copy);

// Drops all pages of [start, end) after every CPU has forgotten them.
void vm_drop_pages(struct mm *mm, u64 start, u64 end);

// A copy of the area's description, with a reference to its object. NULL when memory is out.
struct vm_area *vm_clone(const struct vm_area *area);
void vm_free_area(struct vm_area *area);
