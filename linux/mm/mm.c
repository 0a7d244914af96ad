// Whole address spaces: they are made, activated, copied and freed.
#include "arch/x86/user/paging_user.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "linux/mm/vm_internal.h"
#include "sched/upcalls.h"

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
    mutex_init(&mm->lock, "address space", RANK_MM);
    vm_areas_init(mm);
    return mm;
}

void mm_get(struct mm *mm)
{
    ref_get(&mm->refs);
}

bool mm_is_shared(const struct mm *mm)
{
    return __atomic_load_n(&mm->refs.n, __ATOMIC_ACQUIRE) > 1;
}

void mm_put(struct mm *mm)
{
    if (!mm || !ref_put(&mm->refs))
        return;
    mutex_lock(&mm->lock);
    vm_drop_pages(mm, 0, TASK_SIZE_MAX);
    mutex_unlock(&mm->lock);
    struct vm_area *a;
    while ((a = vm_take(mm)))
        vm_free_area(a);
    paging_free(mm->root);
    kfree(mm);
}

void mm_strip(struct mm *mm)
{
    mutex_lock(&mm->lock);
    mm->stripped = true;
    vm_drop_pages(mm, 0, TASK_SIZE_MAX);
    mutex_unlock(&mm->lock);
}

void mm_activate(struct mm *mm)
{
    if (mm)
        paging_load(mm->root);
    else
        paging_load_kernel();
}

// ---- fork ----

struct copy {
    struct mm *to;
    bool shared, failed;
};

void page_ref(u64 pa)
{
    u32 *refs = page_refs(pa);
    if (refs && __atomic_fetch_add(refs, 1, __ATOMIC_RELAXED) == 0)
        panic("pages: reference to free page %lx", pa);
}

static void copy_one(u64 va, u64 *pte, void *arg)
{
    struct copy *c = arg;
    u64 *to = c->failed ? NULL : paging_walk(c->to->root, va, &c->to->nr_tables);
    if (!to) {
        c->failed = true;
        return;
    }
    if (!c->shared)
        *pte = (*pte & ~PTE_W) | PTE_COW;
    page_ref(*pte & PTE_ADDR);
    *to = *pte;
    vm_count_page(c->to);
}

static bool copy_area(struct mm *from, struct mm *to, struct vm_area *area)
{
    struct vm_area *twin = vm_clone(area);
    if (!twin)
        return false;
    vm_link(to, twin);
    struct copy c = {.to = to, .shared = area->shared};
    if (area->touched)
        paging_for_each(from->root, area->start, area->end, copy_one, &c);
    return !c.failed;
}

struct mm *mm_fork(struct mm *from)
{
    struct mm *to = mm_new();
    if (!to)
        return NULL;
    bool ok = true;
    struct vm_area *a;
    mutex_lock(&from->lock);
    to->brk_start = from->brk_start;
    to->brk = from->brk;
    to->auxv = from->auxv;
    to->auxv_len = from->auxv_len;
    to->env = from->env;
    to->env_len = from->env_len;
    for (a = vm_first(from); a; a = vm_next(a)) {
        if (!a->object || !a->object->no_fork)
            ok = ok && copy_area(from, to, a);
    }
    tlb_shootdown(from->root); // pages that were writable are read-only now
    mutex_unlock(&from->lock);
    if (!ok) {
        mm_put(to); // the parent's pages are writable again after one fault each
        return NULL;
    }
    return to;
}
