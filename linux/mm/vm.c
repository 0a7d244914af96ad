// Address spaces: how to map, unmap, protect and move areas.
#include "arch/x86/user/paging_user.h"
#include "kernel/base/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "linux/base/mutex.h"
#include "linux/mm/upcalls.h"
#include "linux/mm/vm_internal.h"

u64 vm_max_map_count;

static bool range_is_free(struct mm *mm, u64 start, u64 end)
{
    struct vm_area *a = vm_find(mm, start);
    return !a || a->start >= end;
}

// ---- pages of a range ----

// A page may be freed only when no CPU can reach it any more. So first all entries lose their
// present bit. Then every CPU that may have them forgets them, in one shootdown. Only then the
// pages are freed.
struct hidden {
    u64 start, end; // where there were entries; end 0: nowhere
    bool seen;      // a CPU may have used one
};

static void hide_one(u64 va, u64 *pte, void *arg)
{
    struct hidden *h = arg;
    h->start = h->end ? h->start : va;
    h->end = va + PAGE_SIZE;
    h->seen |= *pte & PTE_P;
    *pte &= ~PTE_P;
}

static void drop_one(u64, u64 *pte, void *mm)
{
    page_unref(*pte & PTE_ADDR);
    *pte = 0;
    ((struct mm *)mm)->nr_pages--;
}

void vm_drop_pages(struct mm *mm, u64 start, u64 end)
{
    struct hidden h = {start, end, false};
    if (paging_in_use(mm->root)) {
        h.end = 0;
        paging_for_each(mm->root, start, end, hide_one, &h);
        if (h.seen)
            tlb_shootdown(mm->root);
    }
    paging_for_each(mm->root, h.start, h.end, drop_one, mm);
}

// `a` is what vm_cut() gave.
static void remove_range(struct mm *mm, struct vm_area *a, u64 start, u64 end)
{
    struct vm_area *next;
    bool touched = false;
    for (; a && a->start < end; a = next) {
        touched |= a->touched;
        next = vm_unlink(mm, a);
        vm_free_area(a);
    }
    if (touched)
        vm_drop_pages(mm, start, end);
}

// ---- map ----

static s64 choose_place(struct mm *mm, u64 addr, u64 len, u32 flags)
{
    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
        if ((addr & ~PAGE_MASK) || addr < USER_MMAP_BOTTOM)
            return -EINVAL;
        if (addr > TASK_SIZE_MAX - len)
            return -ENOMEM;
        bool keep = flags & MAP_FIXED_NOREPLACE;
        return keep && !range_is_free(mm, addr, addr + len) ? -EEXIST : (s64)addr;
    }
    addr = ALIGN_UP(addr, PAGE_SIZE); // without MAP_FIXED it is only a hint
    if (addr >= USER_MMAP_BOTTOM && addr <= USER_MMAP_TOP - len &&
        range_is_free(mm, addr, addr + len))
        return addr;
    u64 gap = vm_find_gap(mm, len);
    return gap ? (s64)gap : -ENOMEM;
}

// Whether the running program's limits allow `bytes` more bytes.
static bool may_grow(const struct mm *mm, u64 bytes, bool data)
{
    return mm->mapped + bytes <= vm_mapped_max() && (!data || mm->data + bytes <= vm_data_max());
}

// How many bytes of the range are mapped.
static u64 mapped_bytes(struct mm *mm, u64 start, u64 end)
{
    u64 bytes = 0;
    for (struct vm_area *a = vm_find(mm, start); a && a->start < end; a = vm_next_below(a, end))
        bytes += MIN(a->end, end) - MAX(a->start, start);
    return bytes;
}

// The place for a new area, or -errno. Areas that the new area replaces do not count against the
// limits.
static s64 find_place(struct mm *mm, const struct vm_area *area, u64 addr, u64 len, u32 flags)
{
    bool data = vm_is_data(area);
    if (mm->nr_areas > vm_max_map_count)
        return -ENOMEM;
    s64 place = choose_place(mm, addr, len, flags);
    if (place < 0 || (flags & MAP_MOVES) || may_grow(mm, len, data))
        return place;
    u64 more = len - mapped_bytes(mm, place, place + len);
    return may_grow(mm, more, data) ? place : -ENOMEM;
}

// Puts an area, whose start and end are still 0, at its place. Frees the area on failure. NULL:
// there was no memory for one.
static s64 map_area(struct mm *mm, struct vm_area *area, u64 addr, u64 len, u32 flags)
{
    s64 place = -EINVAL;
    if (!area)
        return -ENOMEM;
    if (len == 0)
        goto fail;
    place = -EACCES;
    if ((area->prot & PROT_WRITE) && (area->prot & PROT_EXEC))
        goto fail;
    place = -ENOMEM;
    if (len > USER_MMAP_TOP - USER_MMAP_BOTTOM)
        goto fail;
    len = ALIGN_UP(len, PAGE_SIZE);
    // Pages come on touch, so programs together may ask for more memory than there is. But one
    // request alone must not.
    if (!area->file && !area->object && (area->prot & PROT_WRITE) && !(flags & MAP_NORESERVE) &&
        len / PAGE_SIZE > pages_total)
        goto fail;
    mutex_lock(&mm->lock);
    place = find_place(mm, area, addr, len, flags);
    if (place >= 0 && (flags & MAP_FIXED)) { // without MAP_FIXED nothing is there
        struct vm_area *there = vm_cut(mm, vm_find(mm, place), place, place + len);
        if (IS_ERR(there))
            place = PTR_ERR(there);
        else
            remove_range(mm, there, place, place + len);
    }
    if (place >= 0) {
        area->start = place;
        area->end = place + len;
        area->shows_at += place;
        vm_link(mm, area);
    }
    mutex_unlock(&mm->lock);
fail:
    if (place < 0)
        vm_free_area(area);
    return place;
}

// An area of anonymous memory without a place: until it has one, its shows_at is relative to the
// place. NULL when memory is out.
static struct vm_area *new_area(u32 prot, const char *name)
{
    struct vm_area *a = kalloc(sizeof(*a));
    if (!a)
        return NULL;
    a->prot = prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
    a->read_only = prot & PROT_STAYS_READ_ONLY;
    strcopy(a->name, name ? name : "", sizeof(a->name));
    return a;
}

s64 mm_map(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, const char *name)
{
    struct vm_area *a = new_area(prot, name);
    if (a)
        a->stack = flags & MAP_STACK;
    return map_area(mm, a, addr, len, flags);
}

s64 mm_map_file(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, const u8 *data, u64 data_len,
                u64 skew, const char *name)
{
    struct vm_area *a = new_area(prot, name);
    if (a) {
        a->file = data;
        a->file_len = data_len;
        a->shows_at = skew;
    }
    return map_area(mm, a, addr, len, flags);
}

s64 mm_map_object(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, struct vm_object *o,
                  u64 page, const char *name)
{
    struct vm_area *a = new_area(prot, name);
    if (a) {
        ref_get(&o->refs);
        a->object = o;
        a->shared = !(flags & MAP_PRIVATE);
        a->shows_at = -(page << PAGE_SHIFT);
    }
    return map_area(mm, a, addr, len, flags);
}

// ---- unmap, protect, brk ----

static bool bad_range(u64 addr, u64 len)
{
    return (addr & ~PAGE_MASK) || len > TASK_SIZE_MAX || addr > TASK_SIZE_MAX - len;
}

int mm_unmap(struct mm *mm, u64 addr, u64 len)
{
    if (len == 0 || bad_range(addr, len))
        return -EINVAL;
    u64 end = addr + ALIGN_UP(len, PAGE_SIZE);
    mutex_lock(&mm->lock);
    struct vm_area *a = vm_cut(mm, vm_find(mm, addr), addr, end);
    if (!IS_ERR(a))
        remove_range(mm, a, addr, end);
    mutex_unlock(&mm->lock);
    return IS_ERR(a) ? PTR_ERR(a) : 0;
}

s64 mm_move(struct mm *mm, u64 addr, u64 len, u64 new_len, u64 to)
{
    mutex_lock(&mm->lock);
    struct vm_area *a = vm_find(mm, addr), *moved = NULL;
    s64 place = -EFAULT; // the range is not within one area
    if (a && a->start <= addr && a->end - addr >= new_len) {
        a = a->object ? vm_cut(mm, a, addr, addr + len) : ERR_PTR(-ENOMEM);
        place = IS_ERR(a) ? PTR_ERR(a) : 0;
    }
    if (!place && !(moved = vm_clone(a)))
        place = -ENOMEM;
    mutex_unlock(&mm->lock);
    if (place < 0)
        return place;
    moved->shows_at -= addr; // map_area() adds the new place
    place = map_area(mm, moved, to, new_len, MAP_FIXED | MAP_MOVES);
    if (place >= 0)
        mm_unmap(mm, addr, len); // no area is cut, so it needs no memory
    return place;
}

// Returns where the first hole in [start, end) begins. `end`: there is none. `a` is what vm_find()
// gives.
static u64 mapped_until(const struct vm_area *a, u64 start, u64 end)
{
    for (; start < end && a && a->start <= start; a = vm_next_below(a, end))
        start = a->end;
    return MIN(start, end);
}

int mm_look(struct mm *mm, u64 addr, u64 len, enum mm_look what)
{
    u64 end = addr + ALIGN_UP(len, PAGE_SIZE);
    if (bad_range(addr, len))
        return -ENOMEM;
    mutex_lock(&mm->lock);
    const struct vm_area *a = vm_find(mm, addr);
    int err = mapped_until(a, addr, end) == end ? 0 : -ENOMEM;
    for (; what == MM_ANONYMOUS && a && a->start < end; a = vm_next_below(a, end))
        if (a->file || a->object)
            err = -EINVAL;
    if (what == MM_FORGET)
        vm_drop_pages(mm, addr, end);
    mutex_unlock(&mm->lock);
    return err;
}

void mm_trim(struct mm *mm)
{
    mutex_lock(&mm->lock);
    for (struct vm_area *a = vm_first(mm); a; a = vm_next(a)) {
        const struct vm_object *o = a->touched ? a->object : NULL;
        s64 end = o ? (s64)(a->shows_at + o->nr_pages * PAGE_SIZE) : (s64)a->end;
        if (end < (s64)a->end)
            vm_drop_pages(mm, MAX(end, (s64)a->start), a->end);
    }
    mutex_unlock(&mm->lock);
}

u64 vm_page_flags(const struct vm_area *area)
{
    if (!area->prot)
        return PTE_NONE;
    return PTE_P | PTE_U | (area->prot & PROT_WRITE ? PTE_W : 0) |
           (area->prot & PROT_EXEC ? 0 : PTE_NX);
}

struct protect {
    const struct vm_area *area;
    bool lost; // a right was taken away. A CPU's translations may still have it
};

static void protect_one(u64, u64 *pte, void *arg)
{
    struct protect *p = arg;
    u64 old = *pte, flags = vm_page_flags(p->area), cow = old & PTE_COW;
    if (cow) // still shared after a fork: the first write copies it
        flags &= ~PTE_W;
    *pte = (old & PTE_ADDR) | flags | cow;
    p->lost |= (old & PTE_P) && ((old & ~flags & (PTE_P | PTE_W)) || (flags & ~old & PTE_NX));
}

// Returns 0. -EACCES: an area must stay read-only. -ENOMEM: there would be more data than the limit
// allows. `a` is what vm_find() gives.
static int may_protect(const struct mm *mm, const struct vm_area *a, u64 start, u64 end, u32 prot)
{
    u64 more = 0;
    for (; (prot & PROT_WRITE) && a && a->start < end; a = vm_next_below(a, end)) {
        if (a->read_only)
            return -EACCES;
        if (!(a->prot & PROT_WRITE) && !a->shared && !a->stack)
            more += MIN(a->end, end) - MAX(a->start, start);
    }
    return !more || mm->data + more <= vm_data_max() ? 0 : -ENOMEM;
}

int mm_protect(struct mm *mm, u64 addr, u64 len, u32 prot)
{
    if (addr & ~PAGE_MASK)
        return -EINVAL;
    if (len == 0)
        return 0;
    if (bad_range(addr, len))
        return -ENOMEM;
    if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))
        return -EINVAL;
    if ((prot & PROT_WRITE) && (prot & PROT_EXEC))
        return -EACCES;
    u64 end = addr + ALIGN_UP(len, PAGE_SIZE);
    mutex_lock(&mm->lock);
    struct vm_area *first = vm_find(mm, addr), *a;
    u64 hole = mapped_until(first, addr, end); // as on Linux, the part before it changes
    int err = may_protect(mm, first, addr, hole, prot);
    struct protect p = {.lost = false};
    a = err ? ERR_PTR(err) : vm_cut(mm, first, addr, hole);
    err = IS_ERR(a) ? PTR_ERR(a) : 0;
    for (; !err && a && a->start < hole; a = vm_next_below(a, hole)) {
        vm_count(mm, a, a->start - a->end);
        a->prot = prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
        vm_count(mm, a, a->end - a->start);
        p.area = a;
        if (a->touched)
            paging_for_each(mm->root, a->start, a->end, protect_one, &p);
    }
    if (p.lost)
        tlb_shootdown(mm->root);
    mutex_unlock(&mm->lock);
    return err ? err : hole < end ? -ENOMEM : 0;
}

// The heap is one area, or none while it is empty.
u64 mm_brk(struct mm *mm, u64 brk)
{
    u64 old = ALIGN_UP(mm->brk, PAGE_SIZE), new = ALIGN_UP(brk, PAGE_SIZE);
    if (brk < mm->brk_start || brk > USER_MMAP_TOP)
        return mm->brk;
    if (new < old) {
        if (mm_unmap(mm, new, old - new))
            return mm->brk;
    } else if (new > old) {
        mutex_lock(&mm->lock);
        struct vm_area *heap = old > mm->brk_start ? vm_find(mm, old - 1) : NULL;
        bool fits = range_is_free(mm, old, new) && may_grow(mm, new - old, true);
        bool grown = fits && heap && !heap->file && !heap->object && heap->end == old &&
                     heap->prot == (PROT_READ | PROT_WRITE);
        if (grown)
            vm_grow(mm, heap, new);
        mutex_unlock(&mm->lock);
        if (!fits || (!grown && mm_map(mm, old, new - old, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_FIXED_NOREPLACE, "[heap]") < 0))
            return mm->brk;
    }
    return mm->brk = brk;
}
