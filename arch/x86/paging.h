// Four-level page tables (SDM vol. 3, chapter 4). A table is named by its physical address.
//
// The upper half (kernel) is one set of tables that all address spaces share. Its 256 top-level
// entries are filled once at boot and never change afterwards. So nothing has to be copied between
// them later.
#pragma once

#include "arch/x86/layout.h"

#define PTE_P    BIT(0)
#define PTE_W    BIT(1)
#define PTE_U    BIT(2)
#define PTE_PWT  BIT(3)
#define PTE_PCD  BIT(4)
#define PTE_PS   BIT(7)
#define PTE_G    BIT(8)
#define PTE_NX   BIT(63)
#define PTE_ADDR 0x000ffffffffff000ull

#define BOOT_MAP_END (4ull << 30) // what boot.asm maps at PHYS_BASE

#define PAGE_ENTRIES 512 // of one table

extern u64 paging_kernel_root; // the kernel's own tables: the upper half alone

// Which entry of a table of this level maps `va`. Level 4 is the top, level 1 has the entries of 4
// KiB pages. And the table that an entry names.
static inline u32 paging_index(u64 va, int level)
{
    return (va >> (PAGE_SHIFT + 9 * (level - 1))) % PAGE_ENTRIES;
}

static inline u64 *paging_table_at(u64 entry)
{
    return phys_to_virt(entry & PTE_ADDR);
}

// Replaces the boot tables by new ones, and loads them. They map [0, phys_end) at PHYS_BASE (RW,
// NX; the kernel's text and rodata read-only there too), and the image with W^X. The shared upper
// half is prepared. Boot CPU, once. `alloc` hands out zeroed physical pages before the page
// allocator lives, all below BOOT_MAP_END. No mapping is both writable and executable.
void paging_init(u64 phys_end, u64 (*alloc)(void));

// Loads the kernel's own tables on this CPU (no user half).
void paging_load_kernel(void);

// The address of the entry that maps `va` (its PTE_PS is set in the direct map), or NULL.
// nr_tables not NULL: missing tables are made, and *nr_tables grows by their number (atomic); NULL
// then means that memory is out. The caller holds the lock of the address space.
u64 *paging_walk(u64 root, u64 va, u64 *nr_tables);

// Kernel mappings in the regions for stacks and devices. 0 or -1 when memory is out.
int paging_map_kernel(u64 va, u64 pa, u64 flags);
// Unmaps the n pages from va on; all CPUs forget them, in one call. pa[i] is where page i was.
void paging_unmap_kernel(u64 va, u32 n, u64 *pa);

// Maps device registers uncached, forever. `pa` and `size` need no alignment.
void *mmio_map(u64 pa, u64 size);

// This CPU forgets the translation of one page, or all of them, of the kernel half too.
void tlb_flush_page(u64 va);
void tlb_flush_all(void);
