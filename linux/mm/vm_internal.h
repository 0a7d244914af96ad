// Seams between the files of the address-space code. The lock of the address space is held
// everywhere.
#pragma once

#include "linux/mm/vm.h"

// The first area that ends after addr; NULL if none.
struct vm_area *vm_find(struct mm *mm, u64 addr);

// The entry flags of a page of this area that belongs to it alone (or is shared on purpose).
u64 vm_page_flags(const struct vm_area *area);

// One more page is there.
static inline void vm_count_page(struct mm *mm)
{
    mm->nr_pages++;
    mm->peak_pages = MAX(mm->peak_pages, mm->nr_pages);
}

// Brings the page at addr in, writable if `write`. What mm_fault() returns. `force` writes where
// the area forbids it.
int vm_fault_in(struct mm *mm, u64 addr, bool write, bool fetch, bool force);

// Drops all pages of [start, end) after every CPU has forgotten them.
void vm_drop_pages(struct mm *mm, u64 start, u64 end);

// Copies an area's description into a new one (with its own object reference); NULL: no memory.
struct vm_area *vm_clone(const struct vm_area *area);
void vm_free_area(struct vm_area *area);
