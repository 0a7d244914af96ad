// Anonymous memory that address spaces share: each page comes when the first of them touches it.
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm_internal.h"

struct anon_object {
    struct vm_object object;
    u64 page[]; // physical address, 0: not touched yet; set once
};

static struct anon_object *anon(struct vm_object *o)
{
    return container_of(o, struct anon_object, object);
}

static u64 anon_page(struct vm_object *o, u64 n)
{
    if (n >= o->nr_pages)
        return 0;
    u64 *slot = &anon(o)->page[n];
    u64 pa = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
    if (!pa) {
        u64 fresh = page_alloc_zeroed();
        if (!fresh)
            return 0;
        if (__atomic_compare_exchange_n(slot, &pa, fresh, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            pa = fresh;
        else
            page_unref(fresh); // another address space was faster
    }
    page_ref(pa);
    return pa;
}

static void anon_release(struct vm_object *o)
{
    for (u64 n = 0; n < o->nr_pages; n++)
        if (anon(o)->page[n])
            page_unref(anon(o)->page[n]);
    kfree(anon(o));
}

struct vm_object *anon_object_new(u64 nr_pages)
{
    if (nr_pages > pages_total())
        return NULL;
    struct anon_object *a = kalloc(sizeof(*a) + nr_pages * sizeof(a->page[0]));
    if (!a)
        return NULL;
    ref_init(&a->object.refs);
    a->object.nr_pages = nr_pages;
    a->object.page = anon_page;
    a->object.release = anon_release;
    return &a->object;
}
