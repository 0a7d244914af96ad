// Physical pages: who uses each, and a buddy allocator over the regions of the multiboot map.
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
// than MIN_RAM_MB.
#define MIN_RAM_MB 16
void page_init(void);

// 2^order contiguous pages, contents undefined; NULL when memory is out. Any context but NMI, #DB.
void *pages_alloc(u32 order);
void pages_free(void *p, u32 order);

// References of single pages; page_alloc_zeroed() and page_unref() are in arch/x86/upcalls.h.
void page_ref(u64 pa);
u32 page_refs(u64 pa);

// The descriptor of a page in RAM; p may point anywhere into it.
struct page *page_of(const void *p);

u64 pages_total(void);
u64 pages_free_count(void);

// Test aid: of the allocations that the running task makes from now on, number `nth` fails, once (1
// is the next one). It counts pages_alloc() and kalloc(). 0 calls the failure off. Returns how many
// allocations were still to come before the failure that is called off; 0 when it has happened.
u64 mm_inject_failure(u64 nth);
extern struct task *mm_failing_task; // NULL nearly always
bool mm_failure_counts(const struct task *t);
// True if this allocation is the one to fail.
static inline bool mm_failure_due(void)
{
    struct task *t = __atomic_load_n(&mm_failing_task, __ATOMIC_ACQUIRE);
    return unlikely(t) && mm_failure_counts(t);
}
// Where the last failure was: return addresses, the allocator's first; 0 where there are no more.
#define MM_FAILURE_CALLERS 6
void mm_failure_read_callers(u64 callers[MM_FAILURE_CALLERS]);
