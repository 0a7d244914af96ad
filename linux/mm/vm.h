// User address spaces: areas (what may be at an address) over page tables (what is there now).
//
// Pages come on their first touch. Anonymous memory gets zeroes. A file area gets a copy of the
// file's bytes. A shared area gets the page of its object. After fork parent and child share pages
// read-only until one of them writes (PTE_COW). No area is ever writable and executable at once: a
// request for both gets -EACCES.
//
// The functions below take mm->lock themselves. Task context, unless a comment says otherwise.
#pragma once

#include "arch/x86/paging.h"
#include "linux/base/tree.h"
#include "sched/wait.h"

#include <linux/mman.h>

#define PTE_COW BIT(9) // dr7's own use of this bit: a shared page, copied before a write

// The kernel's own: mprotect(2) cannot add PROT_WRITE to this mapping.
#define PROT_STAYS_READ_ONLY 0x100

#define MAP_MOVES 0x80000000 // the kernel's own: the memory is mapped elsewhere already

#define USER_STACK_TOP   (TASK_SIZE_MAX - PAGE_SIZE) // the last page stays free: an overrun faults
#define USER_STACK_SIZE  (8ull << 20)                // reserved; pages come on touch
#define USER_MMAP_TOP    (USER_STACK_TOP - USER_STACK_SIZE - (1ull << 20))
#define USER_MMAP_BOTTOM 0x10000ull

// What backs a shared or file area. Reference counted by the areas that use it.
struct vm_object {
    struct refcount refs;
    u64 nr_pages;
    // 0, and the physical address of page n in *pa. Takes a reference to the page for the mapping.
    // -EIO: page n is past the end. -ENOMEM. -ENOSPC: the object may have no more pages.
    int (*page)(struct vm_object *o, u64 n, u64 *pa);
    void (*release)(struct vm_object *o); // the last reference is gone
    bool no_fork;                         // fork does not copy the mapping
    bool whole;                           // its area is never cut in two: -EINVAL
};
void vm_object_put(struct vm_object *o); // NULL: nothing
// One more reference to a page that is in use.
void page_ref(u64 pa);

struct vm_area {
    union {
        struct tree_node node; // in mm->areas
        u64 start;             // node.key; constant while the area is in the tree
    };
    u64 end;  // exclusive; both are page aligned
    u64 hole; // free bytes right below `start` that mmap(2) may choose
    u64 gap;  // no `hole` of the subtree is larger
    u32 prot;
    bool shared;
    bool read_only; // mprotect(2) cannot make it writable
    bool stack;     // the first one of a program (MAP_STACK): it is not counted as data
    bool touched;   // false: it has no pages, so nobody looks for them. Atomic
    // What the area shows: at most one of `file` and `object`. shows_at is the address at which the
    // first byte of it would appear. It does not depend on `start`, so it stays right when the area
    // is cut in two.
    const u8 *file;           // private file area: bytes of the archive; NULL for other areas
    struct vm_object *object; // a shared area shows its pages, a private one copies them
    u64 shows_at;
    // The bytes that `file` has. The rest of the last page reads as zero. Pages past it fault.
    u64 file_len;
    char name[24]; // for /proc: "[stack]", "[heap]", or what it shows; may be ""
};
_Static_assert(offsetof(struct vm_area, node.key) == 0, "start is the key");

struct mm {
    struct refcount refs;
    struct mutex lock; // guards all below; page faults and readers share it (docs/memory.md)
    u64 root;          // top-level page table
    struct tree areas; // of area->node
    u64 nr_areas;
    u64 mapped, data;   // bytes of all areas; of private ones that can be written (vm_count)
    u64 brk_start, brk; // the heap: [brk_start, brk)
    u64 auxv, auxv_len; // where execve has put the auxiliary vector: address and bytes
    u64 env, env_len;   // the same for the environment's strings
    bool stripped;      // mm_strip() has been called
    u64 minor_faults, nr_pages, peak_pages; // nr_pages: there now; peak_pages: the most. Atomic
    u64 nr_tables; // page tables below the root; they stay until the end. Atomic
};

// A bit that the CPU ignores: the page is there, but its area may not be touched (PROT_NONE).
#define PTE_NONE BIT(10)

// How many areas one address space may have: vm.max_map_count (linux/fs/sysctl.c).
extern u64 vm_max_map_count;

// vm_first() and vm_next() give the areas in order, and NULL at the end. mm->lock held.
static inline struct vm_area *vm_first(const struct mm *mm)
{
    return tree_entry(tree_first(&mm->areas), struct vm_area, node);
}

static inline struct vm_area *vm_next(const struct vm_area *a)
{
    return tree_entry(tree_next(&a->node), struct vm_area, node);
}

// The first one that ends after addr, or NULL.
struct vm_area *vm_find(struct mm *mm, u64 addr);

struct mm *mm_new(void); // NULL when memory is out
void mm_get(struct mm *mm);
void mm_put(struct mm *mm);             // the last one unmaps everything. NULL: nothing
bool mm_is_shared(const struct mm *mm); // by several processes, or another task looks at it
// Takes all pages from its processes, which end: each touch is -EFAULT from then on. Task context.
void mm_strip(struct mm *mm);
struct mm *mm_fork(struct mm *mm); // copy on write; NULL when memory is out, nothing has changed

// Maps len bytes of anonymous private memory, rounded up to whole pages. With MAP_FIXED addr is
// used as it is. Otherwise addr is a hint, and a free range near the top is chosen. Returns the
// address, or an error. -EINVAL: len is 0, or addr is not aligned. -EEXIST: MAP_FIXED_NOREPLACE.
// -EACCES: writable and executable. -ENOMEM.
s64 mm_map(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, const char *name);
// The same for bytes of a file: private, and data[0] appears at addr + skew.
s64 mm_map_file(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, const u8 *data, u64 data_len,
                u64 skew, const char *name);
// The same for an object: its page number `page` appears at addr. With MAP_PRIVATE each page is
// copied on its first touch. Takes a reference to the object, unless it fails.
s64 mm_map_object(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, struct vm_object *o,
                  u64 page, const char *name);
// 0, -EINVAL, or -ENOMEM: an area must be cut in two. Unmapped ranges in between are no error.
int mm_unmap(struct mm *mm, u64 addr, u64 len);
// Moves the first new_len of len bytes to `to`, and unmaps the rest. The bytes are a shared area or
// a part of one. The new place must not overlap the old one. Returns the new address, or an error,
// and then nothing has changed. -EFAULT: the range is not within one area. -ENOMEM: it is private
// memory, which does not move (programs copy it instead). Or an error of mm_map_object() and
// mm_unmap().
s64 mm_move(struct mm *mm, u64 addr, u64 len, u64 new_len, u64 to);
// 0, or -EINVAL. -EACCES: writable and executable, or a file that was opened for reading. -ENOMEM:
// not all of the range is mapped. After -ENOMEM the part before the first hole has changed. After
// another error nothing has changed.
int mm_protect(struct mm *mm, u64 addr, u64 len, u32 prot);
// Looks at a range, rounded up to whole pages. 0, or -ENOMEM: not all of it is mapped.
// MM_ANONYMOUS: -EINVAL if some of it shows a file or an object. MM_FORGET drops the pages of the
// areas. At the next touch each area shows its first content again.
enum mm_look { MM_MAPPED, MM_ANONYMOUS, MM_FORGET };
int mm_look(struct mm *mm, u64 addr, u64 len, enum mm_look what);
// An object has become shorter. Drops the pages of areas that lie past its end.
void mm_trim(struct mm *mm);
u64 mm_brk(struct mm *mm, u64 brk); // the new break, or the old one when refused

// Resolves a page fault at addr. `error` is the CPU's error code. 0: the access can be tried again.
// -EFAULT: no area is here (SEGV_MAPERR). -EACCES: the area forbids the access (SEGV_ACCERR).
// -EIO: past the end of the object, or -ENOSPC: the object may have no more pages (both SIGBUS).
// -ENOMEM.
int mm_fault(struct mm *mm, u64 addr, u32 error);

// Reads or writes n bytes of any address space, page by page. A write makes a copy of a page that
// is shared copy-on-write. With `force` it also writes where the area is read-only. Returns the
// bytes that were moved, or -EFAULT when there were none. exec and ptrace use it.
ssize_t mm_access(struct mm *mm, u64 addr, void *buf, size_t n, bool write, bool force);
