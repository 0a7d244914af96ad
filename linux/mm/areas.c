// The areas of an address space: a tree by address, which also knows the holes between them.
#include "kernel/mm/heap.h"
#include "linux/mm/vm_internal.h"

static struct vm_area *area_of(struct tree_node *n)
{
    return tree_entry(n, struct vm_area, node);
}

static void keep_gap(struct tree_node *n, const struct tree_node *old)
{
    area_of(n)->gap = container_of(old, struct vm_area, node)->gap;
}

void vm_areas_init(struct mm *mm)
{
    mm->areas = (struct tree){.takes_place = keep_gap};
}

struct vm_area *vm_find(struct mm *mm, u64 addr)
{
    struct vm_area *a = area_of(tree_upto(&mm->areas, addr));
    if (!a)
        return vm_first(mm);
    return a->end > addr ? a : vm_next(a);
}

// Of the range that mmap(2) chooses from, the part of [start, end).
static u64 hole_between(u64 start, u64 end)
{
    start = MAX(start, USER_MMAP_BOTTOM);
    end = MIN(end, USER_MMAP_TOP);
    return end > start ? end - start : 0;
}

// The hole below an area has become another. One that shrinks leaves the bounds above it as they
// are: highest() makes them exact when it meets them.
static void set_hole(struct vm_area *a, u64 hole)
{
    a->hole = hole;
    for (struct vm_area *up = a; up && up->gap < a->hole; up = area_of(up->node.parent))
        up->gap = a->hole;
}

void vm_link(struct mm *mm, struct vm_area *a)
{
    a->gap = 0;
    tree_add(&mm->areas, &a->node, a->start);
    mm->nr_areas++;
    vm_count(mm, a, a->end - a->start);
    struct vm_area *before = area_of(tree_prev(&a->node)), *next = vm_next(a);
    set_hole(a, hole_between(before ? before->end : 0, a->start));
    if (next)
        next->hole = hole_between(a->end, next->start);
}

struct vm_area *vm_unlink(struct mm *mm, struct vm_area *a)
{
    struct vm_area *next = vm_next(a);
    tree_del(&mm->areas, &a->node);
    mm->nr_areas--;
    vm_count(mm, a, a->start - a->end);
    if (next)
        set_hole(next, next->hole + a->hole + hole_between(a->start, a->end));
    return next;
}

struct vm_area *vm_take(struct mm *mm)
{
    return area_of(tree_take(&mm->areas));
}

void vm_grow(struct mm *mm, struct vm_area *a, u64 end)
{
    struct vm_area *next = vm_next(a);
    vm_count(mm, a, end - a->end);
    a->end = end;
    if (next)
        next->hole = hole_between(end, next->start);
}

// The area above the highest hole of this subtree that is large enough. NULL: there is none, and
// now its `gap` says so. So a search looks here in vain only once for each time that a hole grew or
// the tree was balanced. On the whole it looks at as many areas as the tree is high.
static struct vm_area *highest(struct tree_node *n, u64 len)
{
    struct vm_area *a = area_of(n);
    if (!a || a->gap < len)
        return NULL;
    struct vm_area *found = highest(n->child[1], len);
    if (!found && a->hole >= len)
        found = a;
    if (!found)
        found = highest(n->child[0], len);
    if (!found) {
        const struct vm_area *left = area_of(n->child[0]), *right = area_of(n->child[1]);
        a->gap = MAX(a->hole, MAX(left ? left->gap : 0, right ? right->gap : 0));
    }
    return found;
}

u64 vm_find_gap(struct mm *mm, u64 len)
{
    const struct vm_area *last = area_of(tree_upto(&mm->areas, TASK_SIZE_MAX));
    if (hole_between(last ? last->end : 0, USER_MMAP_TOP) >= len)
        return USER_MMAP_TOP - len;
    const struct vm_area *above = highest(mm->areas.root, len);
    return above ? MIN(above->start, USER_MMAP_TOP) - len : 0;
}

struct vm_area *vm_clone(const struct vm_area *area)
{
    struct vm_area *copy = kalloc(sizeof(*copy));
    if (!copy)
        return NULL;
    *copy = *area;
    if (copy->object)
        ref_get(&copy->object->refs);
    return copy;
}

void vm_object_put(struct vm_object *o)
{
    if (o && ref_put(&o->refs))
        o->release(o);
}

void vm_free_area(struct vm_area *area)
{
    vm_object_put(area->object);
    kfree(area);
}

// Cuts the area at addr, which lies within it. The upper part, or an error.
static struct vm_area *split(struct mm *mm, struct vm_area *a, u64 addr)
{
    if (a->object && a->object->whole)
        return ERR_PTR(-EINVAL);
    struct vm_area *upper = mm->nr_areas < vm_max_map_count ? vm_clone(a) : NULL;
    if (!upper)
        return ERR_PTR(-ENOMEM);
    upper->start = a->end = addr;
    upper->hole = upper->gap = 0; // and the next one's stays as it is
    tree_add(&mm->areas, &upper->node, addr);
    mm->nr_areas++;
    return upper;
}

struct vm_area *vm_cut(struct mm *mm, struct vm_area *first, u64 start, u64 end)
{
    struct vm_area *last, *next, *upper;
    if (first && first->start < start)
        first = split(mm, first, start);
    if (!first || IS_ERR(first) || first->start >= end)
        return first;
    for (last = first; (next = vm_next_below(last, end)); last = next)
        ;
    if (last->end <= end)
        return first;
    upper = split(mm, last, end);
    return IS_ERR(upper) ? upper : first;
}
