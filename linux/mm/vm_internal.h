// What the files of the address-space code offer each other. The caller of each function holds the
// lock of the address space. It holds the lock alone, or, where the comment says "shared", shared
// with other tasks.
#pragma once

#include "linux/mm/vm.h"

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

// True if RLIMIT_DATA limits the area. It limits private memory that can be written, except the
// first stack.
static inline bool vm_is_data(const struct vm_area *a)
{
    return (a->prot & PROT_WRITE) && !a->shared && !a->stack;
}

// Counts that `bytes` more bytes of the area are mapped. Negative: fewer are mapped.
static inline void vm_count(struct mm *mm, const struct vm_area *a, s64 bytes)
{
    mm->mapped += bytes;
    if (vm_is_data(a))
        mm->data += bytes;
}

// The area that follows `a`, if it begins below `end`, or NULL.
static inline struct vm_area *vm_next_below(const struct vm_area *a, u64 end)
{
    struct vm_area *next = a->end < end ? vm_next(a) : NULL;
    return next && next->start < end ? next : NULL;
}

// Drops all pages of [start, end) after every CPU has forgotten them.
void vm_drop_pages(struct mm *mm, u64 start, u64 end);

// A copy of the area's description, with a reference to its object. NULL when memory is out.
struct vm_area *vm_clone(const struct vm_area *area);
// Frees an area that is linked nowhere.
void vm_free_area(struct vm_area *area);

// The tree of areas. vm_areas_init() makes it for a new address space. vm_link() links an area,
// whose place must be free. vm_unlink() unlinks an area and returns the next one. vm_take() is for
// an address space that ends. It unlinks some area, keeps no order, and returns NULL when no area
// is left. vm_grow() gives an area another end, up to the next area's start at most.
void vm_areas_init(struct mm *mm);
void vm_link(struct mm *mm, struct vm_area *a);
struct vm_area *vm_unlink(struct mm *mm, struct vm_area *a);
struct vm_area *vm_take(struct mm *mm);
void vm_grow(struct mm *mm, struct vm_area *a, u64 end);
// Returns the start of the highest free range of this length that mmap(2) may choose. 0: none.
u64 vm_find_gap(struct mm *mm, u64 len);
// Cuts areas so that none lies across `start` or `end`. `first` is what vm_find(mm, start) gives
// now. Returns what vm_find(mm, start) gives afterwards. ERR_PTR(-ENOMEM), or ERR_PTR(-EINVAL): an
// area must stay whole.
struct vm_area *vm_cut(struct mm *mm, struct vm_area *first, u64 start, u64 end);
