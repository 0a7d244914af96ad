// Address spaces: the list of areas, and how to map, unmap, protect and move them.
#include "kernel/base/errno.h"
#include "arch/x86/user/paging_user.h"
#include "kernel/base/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "linux/mm/vm_internal.h"

u64 vm_max_map_count;

// ---- areas ----

struct vm_area *vm_find(struct mm *mm, u64 addr)
{
    struct vm_area *a;
    list_for_each (a, &mm->areas, node)
        if (a->end > addr)
            return a;
    return NULL;
}

struct vm_area *vm_clone(const struct vm_area *area)
{
    struct vm_area *copy = kalloc(sizeof(*copy));
    if (!copy)
        return NULL;
    *copy = *area;
    list_init(&copy->node);
    if (copy->object)
        ref_get(&copy->object->refs);
    return copy;
}

void vm_object_put(struct vm_object *o)
{
    if (ref_put(&o->refs))
        o->release(o);
}

void vm_free_area(struct vm_area *area)
{
    if (area->object)
        vm_object_put(area->object);
    kfree(area);
}

static void insert(struct mm *mm, struct vm_area *area)
{
    struct vm_area *next = vm_find(mm, area->start);
    list_add_tail(&area->node, next ? &next->node : &mm->areas);
    mm->nr_areas++;
}

// Cuts the area around addr in two, so that a border is at addr. 0, -ENOMEM, or -EINVAL: this area
// is never cut.
static int split(struct mm *mm, u64 addr)
{
    struct vm_area *a = vm_find(mm, addr);
    if (!a || a->start >= addr)
        return 0;
    if (a->object && a->object->whole)
        return -EINVAL;
    struct vm_area *upper = mm->nr_areas < vm_max_map_count ? vm_clone(a) : NULL;
    if (!upper)
        return -ENOMEM;
    mm->nr_areas++;
    upper->start = a->end = addr;
    list_add(&upper->node, &a->node);
    return 0;
}

// Makes borders at both ends of the range.
static int split_range(struct mm *mm, u64 start, u64 end)
{
    int err = split(mm, start);
    return err ? err : split(mm, end);
}

// The highest free range of this length below the stack, or 0.
static u64 find_gap(struct mm *mm, u64 len)
{
    u64 top = USER_MMAP_TOP;
    for (struct list *l = mm->areas.prev; l != &mm->areas; l = l->prev) {
        struct vm_area *a = list_entry(l, struct vm_area, node);
        if (a->end < top && top - a->end >= len)
            return top - len;
        top = MIN(top, a->start);
    }
    return top >= USER_MMAP_BOTTOM + len ? top - len : 0;
}

static bool range_is_free(struct mm *mm, u64 start, u64 end)
{
    struct vm_area *a = vm_find(mm, start);
    return !a || a->start >= end;
}

// ---- pages of a range ----

// A page may be freed only when no CPU can reach it any more. So first all entries lose their
// present bit. Then every CPU that may have them forgets them, in one shootdown. Only then the
// pages are freed.
static void hide_one(u64, u64 *pte, void *any)
{
    *(bool *)any |= *pte & PTE_P;
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
    bool seen = false;
    if (paging_in_use(mm->root))
        paging_for_each(mm->root, start, end, hide_one, &seen);
    if (seen)
        tlb_shootdown(mm->root);
    paging_for_each(mm->root, start, end, drop_one, mm);
}

// Both ends of the range are borders already.
static void remove_range(struct mm *mm, u64 start, u64 end)
{
    struct vm_area *a, *next;
    list_for_each_safe (a, next, &mm->areas, node) {
        if (a->start >= start && a->end <= end) {
            list_del(&a->node);
            mm->nr_areas--;
            vm_free_area(a);
        }
    }
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
    u64 gap = find_gap(mm, len);
    return gap ? (s64)gap : -ENOMEM;
}

// Puts an area, whose start and end are still 0, at its place. Frees the area on failure.
static s64 map_area(struct mm *mm, struct vm_area *area, u64 addr, u64 len, u32 flags)
{
    s64 place = -EINVAL;
    if (len == 0)
        goto fail;
    place = -EACCES;
    if ((area->prot & PROT_WRITE) && (area->prot & PROT_EXEC))
        goto fail;
    place = -ENOMEM;
    if (len > USER_MMAP_TOP - USER_MMAP_BOTTOM)
        goto fail;
    len = ALIGN_UP(len, PAGE_SIZE);
    // Pages come on touch, so programs may ask for more memory than there is. But one request alone
    // must not.
    if (!area->file && !area->object && (area->prot & PROT_WRITE) && !(flags & MAP_NORESERVE) &&
        len / PAGE_SIZE > pages_total())
        goto fail;
    mutex_lock(&mm->lock);
    place = mm->nr_areas > vm_max_map_count ? -ENOMEM : choose_place(mm, addr, len, flags);
    int err = place >= 0 && (flags & MAP_FIXED) ? split_range(mm, place, place + len) : 0;
    if (err)
        place = err;
    if (place >= 0) {
        if (flags & MAP_FIXED) // otherwise nothing is there
            remove_range(mm, place, place + len);
        area->start = place;
        area->end = place + len;
        area->file_at += place;
        area->object_at += place;
        insert(mm, area);
    }
    mutex_unlock(&mm->lock);
fail:
    if (place < 0)
        vm_free_area(area);
    return place;
}

static struct vm_area *new_area(u32 prot, bool shared, const char *name)
{
    struct vm_area *area = kalloc(sizeof(*area));
    if (!area)
        return NULL;
    list_init(&area->node);
    area->prot = prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
    area->shared = shared;
    area->read_only = prot & PROT_STAYS_READ_ONLY;
    strcopy(area->name, name ? name : "", sizeof(area->name));
    return area;
}

s64 mm_map(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, const char *name)
{
    struct vm_area *area = new_area(prot, false, name);
    return area ? map_area(mm, area, addr, len, flags) : -ENOMEM;
}

s64 mm_map_file(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, const u8 *data, u64 data_len,
                u64 skew, const char *name)
{
    struct vm_area *area = new_area(prot, false, name);
    if (!area)
        return -ENOMEM;
    area->file = data;
    area->file_len = data_len;
    area->file_at = skew; // map_area() adds the place
    return map_area(mm, area, addr, len, flags);
}

s64 mm_map_object(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, struct vm_object *o,
                  u64 page, const char *name)
{
    struct vm_area *area = new_area(prot, !(flags & MAP_PRIVATE), name);
    if (!area)
        return -ENOMEM;
    ref_get(&o->refs);
    area->object = o;
    area->object_at = -(page << PAGE_SHIFT);
    return map_area(mm, area, addr, len, flags);
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
    int err = split_range(mm, addr, end);
    if (!err)
        remove_range(mm, addr, end);
    mutex_unlock(&mm->lock);
    return err;
}

s64 mm_move(struct mm *mm, u64 addr, u64 len, u64 new_len, u64 to)
{
    mutex_lock(&mm->lock);
    const struct vm_area *a = vm_find(mm, addr);
    struct vm_area *moved = NULL;
    s64 place = -EFAULT; // the range is not within one area
    if (a && a->start <= addr && a->end - addr >= new_len)
        place = a->object ? split_range(mm, addr, addr + len) : -ENOMEM;
    if (!place && !(moved = vm_clone(vm_find(mm, addr))))
        place = -ENOMEM;
    mutex_unlock(&mm->lock);
    if (place < 0)
        return place;
    moved->object_at -= addr; // map_area() adds the new place
    place = map_area(mm, moved, to, new_len, MAP_FIXED);
    if (place >= 0)
        mm_unmap(mm, addr, len); // its borders are there, so it needs no memory
    return place;
}

// Where the first hole in [start, end) begins; `end`: there is none.
static u64 mapped_until(struct mm *mm, u64 start, u64 end)
{
    struct vm_area *a;
    list_for_each (a, &mm->areas, node)
        if (a->start <= start && a->end > start)
            start = a->end;
    return MIN(start, end);
}

static bool is_mapped(struct mm *mm, u64 start, u64 end)
{
    return mapped_until(mm, start, end) == end;
}

bool mm_is_mapped(struct mm *mm, u64 addr, u64 len)
{
    if (bad_range(addr, len))
        return false;
    mutex_lock_shared(&mm->lock);
    bool all = is_mapped(mm, addr, addr + ALIGN_UP(len, PAGE_SIZE));
    mutex_unlock_shared(&mm->lock);
    return all;
}

int mm_forget(struct mm *mm, u64 addr, u64 len)
{
    u64 end = addr + ALIGN_UP(len, PAGE_SIZE);
    if (bad_range(addr, len))
        return -ENOMEM;
    mutex_lock(&mm->lock);
    int err = is_mapped(mm, addr, end) ? 0 : -ENOMEM;
    vm_drop_pages(mm, addr, end);
    mutex_unlock(&mm->lock);
    return err;
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
    bool lost; // some right was taken away, which a CPU may still have in its translations
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

int mm_protect(struct mm *mm, u64 addr, u64 len, u32 prot)
{
    if (addr & ~PAGE_MASK)
        return -EINVAL;
    if (len == 0)
        return 0;
    if (bad_range(addr, len))
        return -ENOMEM;
    if ((prot & PROT_WRITE) && (prot & PROT_EXEC))
        return -EACCES;
    u64 end = addr + ALIGN_UP(len, PAGE_SIZE);
    mutex_lock(&mm->lock);
    u64 hole = mapped_until(mm, addr, end); // as on Linux, what lies before it changes
    int err = 0;
    struct protect p = {.lost = false};
    struct vm_area *a;
    list_for_each (a, &mm->areas, node)
        if (a->read_only && (prot & PROT_WRITE) && a->start < hole && a->end > addr)
            err = -EACCES;
    if (!err)
        err = split_range(mm, addr, hole);
    list_for_each (a, &mm->areas, node) {
        if (err || a->start < addr || a->end > hole)
            continue;
        a->prot = prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
        p.area = a;
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
        bool fits = range_is_free(mm, old, new);
        bool grown = fits && heap && !heap->file && !heap->object && heap->end == old &&
                     heap->prot == (PROT_READ | PROT_WRITE);
        if (grown)
            heap->end = new;
        mutex_unlock(&mm->lock);
        if (!fits || (!grown && mm_map(mm, old, new - old, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_FIXED_NOREPLACE, "[heap]") < 0))
            return mm->brk;
    }
    return mm->brk = brk;
}
