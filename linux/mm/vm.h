// User address spaces: areas (what may be at an address) over page tables (what is there now).
//
// Pages come on first touch: zeroes for anonymous memory, a copy of the file's bytes for file
// areas, the owner's page for shared ones. After fork both sides share pages read-only until one
// writes (PTE_COW). No area is ever writable and executable at once: a request for both gets
// -EACCES.
#pragma once

#include "arch/x86/paging.h"
#include "arch/x86/trap.h"
#include "kernel/base/list.h"
#include "kernel/base/refcount.h"
#include "sched/wait.h"

#define PROT_READ           1
#define PROT_WRITE          2
#define PROT_EXEC           4
#define MAP_SHARED          0x01
#define MAP_PRIVATE         0x02
#define MAP_FIXED           0x10
#define MAP_ANONYMOUS       0x20
#define MAP_NORESERVE       0x4000
#define MAP_POPULATE        0x8000
#define MAP_STACK           0x20000
#define MAP_FIXED_NOREPLACE 0x100000

#define USER_STACK_TOP   (TASK_SIZE_MAX - PAGE_SIZE) // the last page stays free: an overrun faults
#define USER_STACK_SIZE  (8ull << 20)                // reserved; pages come on touch
#define USER_MMAP_TOP    (USER_STACK_TOP - USER_STACK_SIZE - (1ull << 20))
#define USER_MMAP_BOTTOM 0x10000ull

// What backs a shared or file area. Reference counted by the areas that use it.
struct vm_object {
    struct refcount refs;
    u64 nr_pages;
    // Physical address of page n, with a reference taken for the mapping; 0 when it is beyond the
    // end.
    u64 (*page)(struct vm_object *o, u64 n);
    void (*release)(struct vm_object *o); // last reference gone
    bool no_fork;                         // a child does not get the mapping
    bool whole;                           // an area of it is never cut: -EINVAL
};
void vm_object_put(struct vm_object *o);

struct vm_area {
    struct list node; // in mm->areas, ascending
    u64 start, end;   // page aligned, end exclusive
    u32 prot;
    bool shared;
    // What it shows. The addresses stay right when the area is cut, for they do not depend on
    // `start`.
    const u8 *file; // private file area: bytes of the archive; NULL for the others
    u64 file_at;    // where file[0] appears
    // bytes available at `file`; the rest of the last page reads as zero, pages behind it fault
    u64 file_len;
    struct vm_object *object; // whose pages a shared area shows, and a private one copies
    u64 object_at;            // where the object's page 0 would appear
    char name[16];            // for /proc: "[stack]", "[heap]", or the file
};

struct mm {
    struct refcount refs;
    struct mutex lock; // guards all below; page faults and readers share it (docs/memory.md)
    u64 root;          // top-level page table
    struct list areas;
    u64 brk_start, brk; // the heap: [brk_start, brk)
    u64 auxv, auxv_len; // what execve has put on the stack: the auxiliary vector
    u64 env, env_len;   // and the environment's strings
    u64 minor_faults, nr_pages, peak_pages; // pages: there now, and most at once; atomic
};

// Software: a page that is there, in an area that may not be touched (PROT_NONE).
#define PTE_NONE BIT(10)

struct mm *mm_new(void); // NULL when memory is out
void mm_get(struct mm *mm);
void mm_put(struct mm *mm);        // last one unmaps everything; task context
struct mm *mm_fork(struct mm *mm); // copy on write; NULL when memory is out: nothing has changed

// Anonymous private memory. addr is used as given with MAP_FIXED, else a free range is chosen near
// the top. Returns the address or -EINVAL, -ENOMEM, -EEXIST, -EACCES.
s64 mm_map(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, const char *name);
// The same backed by file bytes (private; data[0] appears at addr + skew) or by an object (its page
// `page` at addr; with MAP_PRIVATE a copy of each page, as it is when it is first touched).
s64 mm_map_file(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, const u8 *data, u64 data_len,
                u64 skew, const char *name);
s64 mm_map_object(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, struct vm_object *o,
                  u64 page, const char *name);
int mm_unmap(struct mm *mm, u64 addr, u64 len);
// Moves (a part of) one shared area, to `to` with `fixed`, which then overlaps nothing of the old
// place. The new address, -EFAULT: not one area, -ENOMEM: private memory does not move (programs
// copy instead), and what mapping and unmapping give.
s64 mm_move(struct mm *mm, u64 addr, u64 len, u64 to, bool fixed);
int mm_protect(struct mm *mm, u64 addr, u64 len, u32 prot);
bool mm_is_mapped(struct mm *mm, u64 addr, u64 len);
// Drops the pages: what the areas show comes anew on touch. 0, or -ENOMEM: not all of it is mapped.
int mm_forget(struct mm *mm, u64 addr, u64 len);
u64 mm_brk(struct mm *mm, u64 brk); // the new break, or the old one when refused

// Resolves a fault. 0: try again. -EFAULT: no area here (SEGV_MAPERR). -EACCES: area forbids it
// (SEGV_ACCERR). -ENOMEM. -EIO: beyond the end of the object (SIGBUS).
int mm_fault(struct mm *mm, u64 addr, u32 error);

// Reads or writes another (or the own) address space page by page, breaking COW on write. Bytes
// done or -EFAULT. For exec's stack, ptrace-like users. `force` ignores a missing write permission.
ssize_t mm_access(struct mm *mm, u64 addr, void *buf, size_t n, bool write, bool force);
