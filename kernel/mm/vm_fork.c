// The life of address spaces: new, copied on fork, gone.
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm_internal.h"

struct mm *mm_new(void)
{
    struct mm *mm = kalloc(sizeof(*mm));
    if (!mm)
        return NULL;
    mm->root = paging_new();
    if (!mm->root) {
        kfree(mm);
        return NULL;
    }
    ref_init(&mm->refs);
    spin_init(&mm->lock, "mm", RANK_MM);
    list_init(&mm->areas);
    return mm;
}

void mm_get(struct mm *mm)
{
    ref_get(&mm->refs);
}

void mm_put(struct mm *mm)
{
    struct vm_area *a, *next;
    if (!ref_put(&mm->refs))
        return;
    list_for_each_safe(a, next, &mm->areas, node) {
        area_drop_pages(mm, a, a->start, a->end);
        list_del(&a->node);
        area_free(a);
    }
    paging_free(mm->root);
    kfree(mm);
}

void mm_activate(struct mm *mm)
{
    if (mm)
        paging_load(mm->root);
    else
        paging_load_kernel();
}

struct fork {
    struct mm *child;
    const struct vm_area *area;
    bool failed;
};

static void share_page(u64 va, u64 *pte, void *arg)
{
    struct fork *f = arg;
    if (f->failed)
        return;
    u64 *to = paging_walk(f->child->root, va, true);
    if (!to) {
        f->failed = true;
        return;
    }
    u64 pa = *pte & PTE_ADDR;
    page_ref(pa);
    *pte = *to = pa | area_pte_flags(f->area, false);
}

// The parent's pages that have become read-only stay so even if the copy fails: its next write finds
// that it is the only user.
struct mm *mm_fork(struct mm *mm)
{
    struct fork f = {.child = mm_new()};
    struct vm_area *a;
    if (!f.child)
        return NULL;
    spin_lock(&mm->lock);
    list_for_each(a, &mm->areas, node) {
        struct vm_area *copy = area_copy(a);
        f.failed = !copy;
        if (copy) {
            list_add_tail(&copy->node, &f.child->areas);
            f.area = a;
            area_for_each_page(mm, a, a->start, a->end, share_page, &f);
        }
        if (f.failed)
            break;
    }
    f.child->brk_start = mm->brk_start;
    f.child->brk = mm->brk;
    tlb_shootdown(mm->root);
    spin_unlock(&mm->lock);
    if (f.failed) {
        mm_put(f.child);
        return NULL;
    }
    return f.child;
}
