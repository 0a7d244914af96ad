// The user half of page tables, and which CPUs have it loaded.
#pragma once

#include "arch/x86/paging.h"

static inline bool is_canonical(u64 addr)
{
    return (u64)((s64)(addr << 16) >> 16) == addr; // bits 63..47 are equal
}

// A new top-level table with the kernel half shared and the user half empty; 0 when memory is out.
u64 paging_new(void);

// Frees the table pages of the user half and the top-level page. The mapped pages must be gone
// already.
void paging_free(u64 root);

// Calls fn for each 4 KiB user mapping in [start, end) whose entry is not zero. The entry may lack
// PTE_P: then the page may not be touched now. fn may change or clear the entry.
typedef void page_fn(u64 va, u64 *pte, void *arg);
void paging_for_each(u64 root, u64 start, u64 end, page_fn *fn, void *arg);

// Loads `root` on this CPU if it is not loaded yet. IRQs off.
void paging_load(u64 root);

// Every CPU that has `root` loaded forgets the translations of its user half. Waits for them; with
// IRQs on the CPU may halt or run others meanwhile. No lock that an IRQ handler takes may be held.
void tlb_shootdown(u64 root);

// Whether any CPU has `root` loaded. False stays so until a task with it runs again.
bool paging_in_use(u64 root);

// Where `va` is in physical memory, of either half, and the entry's flags; false if it is mapped
// nowhere. Takes no lock.
bool paging_lookup(u64 root, u64 va, u64 *pa, u64 *flags);
