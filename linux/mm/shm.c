// Shared anonymous memory: an object whose pages are made on their first touch. They live as long
// as the object.
#include "linux/mm/shm.h"

#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "linux/base/limited.h"
#include "linux/mm/vm.h"

// A tree finds the pages. A node has FANOUT entries: nodes below it, or at the lowest level the
// addresses of pages. Nodes are made on demand, too. So an object that nobody touches takes no
// memory, however long it is. An entry that is not 0 stays until the end of the object.
#define FANOUT_BITS 6
#define FANOUT      (1u << FANOUT_BITS)

struct shm {
    struct vm_object object;
    struct shm_pool *pool;
    u32 height; // levels of nodes; 0: one page, and `root` is its address
    u64 root;
};

// Stores `new` if nothing is there. Returns what is there afterwards.
static u64 put_first(u64 *at, u64 new)
{
    u64 old = 0;
    bool stored =
        __atomic_compare_exchange_n(at, &old, new, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    return stored ? new : old;
}

// Two address spaces may come here at once. All use the node of the first one.
static u64 make_node(u64 *at)
{
    u64 *new = kalloc(FANOUT * sizeof(u64));
    u64 node = new ? put_first(at, (u64) new) : __atomic_load_n(at, __ATOMIC_ACQUIRE);
    if (node != (u64) new)
        kfree(new);
    return node;
}

// Returns the place of page n's address. NULL: there is no node for it, or with `make`, no memory
// for a node.
static u64 *entry_of(struct shm *s, u64 n, bool make)
{
    u64 *at = &s->root;
    for (u32 level = s->height; level-- > 0;) {
        u64 node = __atomic_load_n(at, __ATOMIC_ACQUIRE);
        if (!node && make)
            node = make_node(at);
        if (!node)
            return NULL;
        at = (u64 *)node + (n >> level * FANOUT_BITS) % FANOUT;
    }
    return at;
}

static void drop_page(struct shm *s, u64 pa)
{
    page_unref(pa);
    if (s->pool)
        __atomic_fetch_sub(&s->pool->used, 1, __ATOMIC_RELAXED);
}

// As in make_node(), all use the page of the first one.
static int make_page(struct shm *s, u64 *at)
{
    if (s->pool && !count_up(&s->pool->used, 1, s->pool->max))
        return -ENOSPC;
    u64 new = page_alloc_zeroed();
    bool used = new &&put_first(at, new) == new;
    if (!used)
        drop_page(s, new);
    return new ? 0 : -ENOMEM;
}

int shm_make(struct vm_object *o, u64 n, u64 *pa)
{
    struct shm *s = container_of(o, struct shm, object);
    u64 *at = entry_of(s, n, true);
    int err = !at ? -ENOMEM : __atomic_load_n(at, __ATOMIC_ACQUIRE) ? 0 : make_page(s, at);
    if (!err)
        *pa = *at;
    return err;
}

static int shm_page(struct vm_object *o, u64 n, u64 *pa)
{
    int err = n < o->nr_pages ? shm_make(o, n, pa) : -EIO;
    if (!err)
        page_ref(*pa);
    return err;
}

u64 shm_peek(struct vm_object *o, u64 n)
{
    u64 *at = entry_of(container_of(o, struct shm, object), n, false);
    return at ? __atomic_load_n(at, __ATOMIC_ACQUIRE) : 0;
}

static void free_below(struct shm *s, u64 entry, u32 level)
{
    if (!entry)
        return;
    if (!level) {
        drop_page(s, entry);
        return;
    }
    u64 *node = (u64 *)entry;
    for (u32 i = 0; i < FANOUT; i++)
        free_below(s, node[i], level - 1);
    kfree(node);
}

static void shm_release(struct vm_object *o)
{
    struct shm *s = container_of(o, struct shm, object);
    free_below(s, s->root, s->height);
    kfree(s);
}

struct vm_object *shm_new(u64 nr_pages, struct shm_pool *pool)
{
    struct shm *s = kalloc(sizeof(*s));
    if (!s)
        return NULL;
    ref_init(&s->object.refs);
    s->object.nr_pages = nr_pages;
    s->object.page = shm_page;
    s->object.release = shm_release;
    s->pool = pool;
    while ((nr_pages - 1) >> s->height * FANOUT_BITS)
        s->height++;
    return &s->object;
}
