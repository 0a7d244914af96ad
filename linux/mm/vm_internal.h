// Seams between the files of the address-space code. The lock of the address space is held
// everywhere: by one task alone, but where it says "shared".
#pragma once

#include "linux/mm/vm.h"

// The first area that ends after addr; NULL if none. Shared.
struct vm_area *vm_find(struct mm *mm, u64 addr);

// The entry flags of a page that belongs to this area alone, or is shared on purpose. Shared.
u64 vm_page_flags(const struct vm_area *area);

// One more page is there. Shared.
static inline void vm_count_page(struct mm *mm)
{
    u64 now = __atomic_add_fetch(&mm->nr_pages, 1, __ATOMIC_RELAXED);
    u64 peak = __atomic_load_n(&mm->peak_pages, __ATOMIC_RELAXED);
    while (now > peak && !__atomic_compare_exchange_n(&mm->peak_pages, &peak, now, true,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

// Brings the page at addr in, writable if `write`. What mm_fault() returns. `force` writes where
// the area forbids it. Shared, unless `copy`: only then a page that others share is copied for a
// `write`; without, that page stays as it is, and the access will fault again.
int vm_fault_in(struct mm *mm, u64 addr, bool write, bool fetch, bool force, bool copy);

// Drops all pages of [start, end) after every CPU has forgotten them.
void vm_drop_pages(struct mm *mm, u64 start, u64 end);

// Copies an area's description into a new one (with its own object reference); NULL: no memory.
struct vm_area *vm_clone(const struct vm_area *area);
void vm_free_area(struct vm_area *area);
