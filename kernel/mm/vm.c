// Areas: mapping, unmapping, changing rights, the heap's break.
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm_internal.h"

#define PROT_ALL   (PROT_READ | PROT_WRITE | PROT_EXEC)
#define DROP_BATCH 64 // pages for which one shootdown is made

// ---- areas ----

struct vm_area *area_find(struct mm *mm, u64 addr)
{
    struct vm_area *a;
    list_for_each(a, &mm->areas, node)
        if (addr < a->end)
            return addr >= a->start ? a : NULL;
    return NULL;
}

static bool range_is_free(struct mm *mm, u64 start, u64 end)
{
    struct vm_area *a;
    list_for_each(a, &mm->areas, node)
        if (a->end > start)
            return a->start >= end;
    return true;
}

struct vm_area *area_copy(const struct vm_area *a)
{
    struct vm_area *copy = kalloc(sizeof(*copy));
    if (!copy)
        return NULL;
    *copy = *a;
    list_init(&copy->node);
    if (copy->object)
        ref_get(&copy->object->refs);
    return copy;
}

void area_free(struct vm_area *a)
{
    if (a->object && ref_put(&a->object->refs))
        a->object->release(a->object);
    kfree(a);
}

static void area_link(struct mm *mm, struct vm_area *area)
{
    struct vm_area *a;
    list_for_each(a, &mm->areas, node)
        if (a->start > area->start)
            break;
    list_add_tail(&area->node, &a->node); // before a, or at the end
}

// Moves the lower bound of an area; what backs it stays at its addresses.
static void area_cut_below(struct vm_area *a, u64 start)
{
    a->file_skew -= start - a->start;
    a->object_page += (start - a->start) / PAGE_SIZE;
    a->start = start;
}

// Makes addr a bound between two areas if it lies inside one. 0 or -ENOMEM.
static int area_split(struct mm *mm, u64 addr)
{
    struct vm_area *low = area_find(mm, addr);
    if (!low || low->start == addr)
        return 0;
    struct vm_area *high = area_copy(low);
    if (!high)
        return -ENOMEM;
    low->end = addr;
    area_cut_below(high, addr);
    list_add(&high->node, &low->node);
    return 0;
}

void area_for_each_page(struct mm *mm, const struct vm_area *a, u64 start, u64 end,
                        void (*fn)(u64 va, u64 *pte, void *arg), void *arg)
{
    if (a->prot) {
        paging_for_each(mm->root, start, end, fn, arg);
        return;
    }
    for (u64 va = start; va < end; va += PAGE_SIZE) {
        u64 *pte = paging_walk(mm->root, va, false);
        if (pte && *pte)
            fn(va, pte, arg);
    }
}

// ---- taking pages out ----

struct drop {
    u64 root;
    u32 n;
    u64 pa[DROP_BATCH];
};

static void drop_batch(struct drop *d)
{
    if (d->n)
        tlb_shootdown(d->root);
    while (d->n)
        page_unref(d->pa[--d->n]);
}

static void drop_page(u64 va, u64 *pte, void *arg)
{
    struct drop *d = arg;
    (void)va;
    d->pa[d->n++] = *pte & PTE_ADDR;
    *pte = 0;
    if (d->n == DROP_BATCH)
        drop_batch(d);
}

void area_drop_pages(struct mm *mm, const struct vm_area *a, u64 start, u64 end)
{
    struct drop d = {.root = mm->root};
    area_for_each_page(mm, a, start, end, drop_page, &d);
    drop_batch(&d);
}

static int range_check(u64 addr, u64 len)
{
    if (addr % PAGE_SIZE || len == 0)
        return -EINVAL;
    return len > TASK_SIZE_MAX || addr > TASK_SIZE_MAX - len ? -ENOMEM : 0;
}

static int unmap_locked(struct mm *mm, u64 start, u64 end)
{
    struct vm_area *a, *next;
    if (area_split(mm, start) || area_split(mm, end))
        return -ENOMEM;
    list_for_each_safe(a, next, &mm->areas, node) {
        if (a->end <= start || a->start >= end)
            continue;
        area_drop_pages(mm, a, a->start, a->end);
        list_del(&a->node);
        area_free(a);
    }
    return 0;
}

int mm_unmap(struct mm *mm, u64 addr, u64 len)
{
    len = ALIGN_UP(len, PAGE_SIZE);
    if (range_check(addr, len))
        return -EINVAL;
    spin_lock(&mm->lock);
    int err = unmap_locked(mm, addr, addr + len);
    spin_unlock(&mm->lock);
    return err;
}

// ---- mapping ----

// The highest free range below USER_MMAP_TOP, or 0.
static u64 find_free(struct mm *mm, u64 len)
{
    u64 end = USER_MMAP_TOP;
    for (struct list *l = mm->areas.prev; l != &mm->areas; l = l->prev) {
        const struct vm_area *a = list_entry(l, struct vm_area, node);
        if (a->start >= end)
            continue;
        if (a->end <= end && end - a->end >= len)
            break;
        end = a->start;
    }
    return end >= len && end - len >= USER_MMAP_BOTTOM ? end - len : 0;
}

// Where the new area goes; with MAP_FIXED what is there now goes away.
static s64 choose_range(struct mm *mm, u64 addr, u64 len, u32 flags)
{
    if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
        addr = ALIGN_DOWN(addr, PAGE_SIZE);
        if (addr < USER_MMAP_BOTTOM || range_check(addr, len) ||
            !range_is_free(mm, addr, addr + len))
            addr = find_free(mm, len);
        return addr ? (s64)addr : -ENOMEM;
    }
    int err = range_check(addr, len);
    if (!err && addr < USER_MMAP_BOTTOM)
        err = -EPERM;
    if (!err && (flags & MAP_FIXED_NOREPLACE))
        err = range_is_free(mm, addr, addr + len) ? 0 : -EEXIST;
    else if (!err)
        err = unmap_locked(mm, addr, addr + len);
    return err ? err : (s64)addr;
}

static bool is_plain(const struct vm_area *a)
{
    return !a->shared && !a->file;
}

// Adds to an area of the same kind that ends where this one begins.
static bool area_merge(struct mm *mm, const struct vm_area *area)
{
    struct vm_area *below = area_find(mm, area->start - 1);
    if (!below || !is_plain(below) || !is_plain(area) || below->prot != area->prot ||
        strcmp(below->name, area->name) != 0)
        return false;
    below->end = area->end;
    return true;
}

static void populate(struct mm *mm, const struct vm_area *a)
{
    u64 pa;
    for (u64 va = a->start; a->prot && va < a->end; va += PAGE_SIZE)
        if (area_get_page(mm, a, va, false, &pa))
            return; // the rest comes on touch, or fails then
}

// `like` says what the area is; its bounds are set here.
static s64 map_area(struct mm *mm, u64 addr, u64 len, u32 flags, struct vm_area *like,
                    const char *name)
{
    u64 size = ALIGN_UP(len, PAGE_SIZE);
    if (len == 0)
        return -EINVAL;
    if (size < len || size > TASK_SIZE_MAX)
        return -ENOMEM;
    if ((like->prot & ~PROT_ALL) || ((flags & MAP_FIXED) && addr % PAGE_SIZE))
        return -EINVAL;
    if ((like->prot & PROT_WRITE) && (like->prot & PROT_EXEC))
        return -EACCES;
    // Memory is given out on touch, so more may be asked for than there is; but not by one request.
    if (is_plain(like) && (like->prot & PROT_WRITE) && !(flags & MAP_NORESERVE) &&
        size / PAGE_SIZE > pages_total())
        return -ENOMEM;
    strcopy(like->name, name, sizeof(like->name));
    struct vm_area *area = area_copy(like);
    if (!area)
        return -ENOMEM;

    spin_lock(&mm->lock);
    s64 at = choose_range(mm, addr, size, flags);
    if (at >= 0) {
        area->start = at;
        area->end = at + size;
        bool merged = area_merge(mm, area);
        if (!merged)
            area_link(mm, area);
        if (flags & MAP_POPULATE)
            populate(mm, area);
        if (!merged)
            area = NULL;
    }
    spin_unlock(&mm->lock);
    if (area)
        area_free(area);
    return at;
}

s64 mm_map(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, const char *name)
{
    struct vm_area like = {.prot = prot};
    if (!(flags & MAP_SHARED))
        return map_area(mm, addr, len, flags, &like, name);
    like.shared = true;
    like.object = anon_object_new(len / PAGE_SIZE + (len % PAGE_SIZE != 0));
    if (!like.object)
        return -ENOMEM;
    s64 at = map_area(mm, addr, len, flags, &like, name);
    if (ref_put(&like.object->refs))
        like.object->release(like.object);
    return at;
}

s64 mm_map_file(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, const u8 *data, u64 data_len,
                u64 skew, const char *name)
{
    struct vm_area like = {.prot = prot, .file = data, .file_len = data_len, .file_skew = skew};
    return map_area(mm, addr, len, flags, &like, name);
}

s64 mm_map_object(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, struct vm_object *o,
                  u64 page, const char *name)
{
    struct vm_area like = {.prot = prot, .shared = true, .object = o, .object_page = page};
    return map_area(mm, addr, len, flags, &like, name);
}

// ---- rights ----

static void hide_page(u64 va, u64 *pte, void *arg)
{
    (void)va;
    (void)arg;
    *pte = (*pte & PTE_ADDR) | PTE_U;
}

// In private areas the right to write is given by the next fault, which knows whether it must copy.
static void protect_page(u64 va, u64 *pte, void *arg)
{
    (void)va;
    *pte = (*pte & PTE_ADDR) | area_pte_flags(arg, false);
}

// True if areas cover all of [start, end).
static bool is_covered(struct mm *mm, u64 start, u64 end)
{
    while (start < end) {
        const struct vm_area *a = area_find(mm, start);
        if (!a)
            return false;
        start = a->end;
    }
    return true;
}

static int protect_locked(struct mm *mm, u64 start, u64 end, u32 prot)
{
    struct vm_area *a;
    if (!is_covered(mm, start, end) || area_split(mm, start) || area_split(mm, end))
        return -ENOMEM;
    list_for_each(a, &mm->areas, node) {
        if (a->end <= start || a->start >= end || a->prot == prot)
            continue;
        // The old rights tell whether the pages are hidden now.
        struct vm_area old = *a;
        a->prot = prot;
        area_for_each_page(mm, &old, a->start, a->end, prot ? protect_page : hide_page, a);
    }
    tlb_shootdown(mm->root);
    return 0;
}

int mm_protect(struct mm *mm, u64 addr, u64 len, u32 prot)
{
    if (addr % PAGE_SIZE || (prot & ~PROT_ALL))
        return -EINVAL;
    if (len == 0)
        return 0;
    if ((prot & PROT_WRITE) && (prot & PROT_EXEC))
        return -EACCES;
    len = ALIGN_UP(len, PAGE_SIZE);
    if (range_check(addr, len))
        return -ENOMEM;
    spin_lock(&mm->lock);
    int err = protect_locked(mm, addr, addr + len, prot);
    spin_unlock(&mm->lock);
    return err;
}

// ---- the break ----

u64 mm_brk(struct mm *mm, u64 brk)
{
    u64 old_end = ALIGN_UP(mm->brk, PAGE_SIZE), new_end = ALIGN_UP(brk, PAGE_SIZE);
    if (brk < mm->brk_start || brk >= USER_MMAP_TOP)
        return mm->brk;
    s64 err = 0;
    if (new_end > old_end)
        err = mm_map(mm, old_end, new_end - old_end, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_FIXED_NOREPLACE, "[heap]");
    else if (new_end < old_end)
        err = mm_unmap(mm, new_end, old_end - new_end);
    if (err >= 0)
        mm->brk = brk;
    return mm->brk;
}
