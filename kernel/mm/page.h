// Physical pages: what uses each, and a buddy allocator over the regions of the multiboot map.
#pragma once

#include "arch/x86/layout.h"
#include "arch/x86/upcalls.h"
#include "kernel/base/list.h"

struct page {
    u32 refs;         // users of this page; 0: free; PAGE_RESERVED: not ours to hand out
    u16 used;         // heap: objects in use
    u8 order;         // of the block this page heads, free or allocated
    u8 class;         // heap: size class + 1, 0: no page of the heap's size classes
    bool free;        // heads a free block
    bool poisoned;    // debug builds: filled with PAGE_POISON since it was freed
    void *objects;    // heap: free objects
    struct list node; // in the free blocks of one order, or the heap's pages with free objects
};

#define PAGE_RESERVED (~0u)
#define PAGE_POISON   0x5a
#define MAX_ORDER     10 // largest block: 4 MiB

// Takes over all RAM except the first MiB, the image and the module. The loader's information has
// been copied before. Builds the page tables on the way (paging_init). Refuses a machine with less
// than MIN_RAM.
#define MIN_RAM (16ull << 20)
void page_init(void);

// 2^order contiguous pages, contents undefined; NULL when memory is out. Any context but NMI, #DB.
void *pages_alloc(u32 order);
void pages_free(void *p, u32 order);

// References of single pages: page_alloc_zeroed() and page_unref() are in arch/x86/upcalls.h. The
// count of a page, atomic; NULL if it is not counted.
u32 *page_refs(u64 pa);

// The descriptor of a page in RAM; p may point anywhere into it.
struct page *page_of(const void *p);

extern u64 pages_total; // constant after page_init()
u64 pages_free_count(void);

// ---- before the page allocator lives (bootmem.c) ----

// Chooses the run of free memory that early allocations come from. Refuses a machine with less than
// MIN_RAM. Returns the end of RAM.
u64 bootmem_init(void);
// A zeroed page below BOOT_MAP_END, as physical address; 0 when there is none.
u64 bootmem_page(void);
// Zeroed memory for ever, whole pages. Once the direct map stands; refuses to boot when there is
// none.
void *bootmem_alloc(u64 size);
// Calls fn for each run of page-aligned memory that was not given away. No allocation after it.
void bootmem_finish(void (*fn)(u64 start, u64 end));

// ---- in debug builds only ----

// kernel/checks/memory.c. Fills 2^order pages that are freed; a write to them before they are
// allocated again is a panic at that moment.
void page_poison(struct page *p, void *addr, u32 order);
void page_check_poison(struct page *p, const void *addr, u32 order);
// The same for objects of the heap. And o must not be among the free objects of its page.
void heap_poison(const struct page *p, void *o, u32 size);
void heap_check_poison(const void *o, u32 size);

// kernel/checks/failure.c. True if this allocation is the one to fail.
bool mm_failure_due(void);
