// Shared anonymous memory: an object whose pages are made on their first touch. They live as long
// as the object.
#include "linux/mm/shm.h"

#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "linux/mm/vm.h"

struct shm {
    struct vm_object object;
    u64 room;   // length of page[]; the object has so many pages, or fewer (a file in /tmp)
    u64 page[]; // physical address; 0: not touched yet
};

static u64 shm_page(struct vm_object *o, u64 n)
{
    struct shm *s = container_of(o, struct shm, object);
    if (n >= o->nr_pages)
        return 0;
    u64 pa = __atomic_load_n(&s->page[n], __ATOMIC_ACQUIRE);
    if (!pa) {
        u64 new = page_alloc_zeroed();
        // Two address spaces may come here at once. All use the page of the first one.
        if (new &&__atomic_compare_exchange_n(&s->page[n], &pa, new, false, __ATOMIC_ACQ_REL,
                                              __ATOMIC_ACQUIRE))
            pa = new;
        else if (new)
            page_unref(new);
    }
    if (pa)
        page_ref(pa);
    return pa;
}

u64 shm_peek(struct vm_object *o, u64 n)
{
    struct shm *s = container_of(o, struct shm, object);
    return n < s->room ? __atomic_load_n(&s->page[n], __ATOMIC_ACQUIRE) : 0;
}

static void shm_release(struct vm_object *o)
{
    struct shm *s = container_of(o, struct shm, object);
    for (u64 n = 0; n < s->room; n++)
        if (s->page[n])
            page_unref(s->page[n]);
    kfree(s);
}

struct vm_object *shm_new(u64 nr_pages)
{
    if (nr_pages > (PAGE_SIZE << MAX_ORDER) / sizeof(u64) / 2) // its table would not fit the heap
        return NULL;
    struct shm *s = kalloc(sizeof(*s) + nr_pages * sizeof(u64));
    if (!s)
        return NULL;
    ref_init(&s->object.refs);
    s->object.nr_pages = s->room = nr_pages;
    s->object.page = shm_page;
    s->object.release = shm_release;
    return &s->object;
}
