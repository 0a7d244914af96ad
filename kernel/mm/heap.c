// The heap. A page of a size class is cut into objects of one size; the free ones are linked
// through their first word. Each class lists its pages that have a free object.
#include "kernel/mm/heap.h"
#include "kernel/base/spinlock.h"
#include "kernel/base/string.h"
#include "kernel/mm/page.h"

static const u16 class_size[] = {16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048};
#define NR_CLASSES ARRAY_SIZE(class_size)
#define CLASS_MAX  2048

static struct spinlock heap_lock = SPINLOCK("heap", RANK_HEAP);
static struct list partial[NR_CLASSES]; // pages with a free object; heap_lock
u64 heap_bytes;                         // atomic
static u8 class_of[CLASS_MAX / 16 + 1]; // by size in units of 16 bytes; constant after heap_init

struct object {
    struct object *next;
};

void heap_init(void)
{
    u32 class = 0;
    for (u32 i = 0; i < NR_CLASSES; i++)
        list_init(&partial[i]);
    for (u32 i = 0; i < ARRAY_SIZE(class_of); i++) {
        if (i * 16 > class_size[class])
            class ++;
        class_of[i] = class;
    }
}

// ---- objects ----

static struct page *grow(u32 class)
{
    u32 size = class_size[class];
    // Written once as a whole: where code lay before, an emulator would go on watching each write
    // for it.
    u64 pa = page_alloc_zeroed();
    if (!pa)
        return NULL;
    u8 *bytes = phys_to_virt(pa);
    struct page *p = page_of(bytes);
    p->class = class + 1;
    p->used = 0;
    p->objects = NULL;
    CHECKED(memset(bytes, PAGE_POISON, PAGE_SIZE));
    for (u32 off = 0; off + size <= PAGE_SIZE; off += size) {
        struct object *o = (struct object *)(bytes + off);
        o->next = p->objects;
        p->objects = o;
    }
    list_add(&p->node, &partial[class]);
    return p;
}

static void *object_alloc(u32 class)
{
    u64 flags = spin_lock_irqsave(&heap_lock);
    bool full = list_empty(&partial[class]);
    struct page *p = full ? grow(class) : list_first(&partial[class], struct page, node);
    struct object *o = NULL;
    if (p) {
        o = p->objects;
        p->objects = o->next;
        p->used++;
        if (!p->objects)
            list_del(&p->node);
    }
    spin_unlock_irqrestore(&heap_lock, flags);
    if (o && DEBUG_BUILD)
        heap_check_poison(o, class_size[class]);
    return o;
}

static void object_free(struct page *p, struct object *o)
{
    u32 class = p->class - 1;
    u64 flags = spin_lock_irqsave(&heap_lock);
    CHECKED(heap_poison(p, o, class_size[class]));
    ASSERT(p->used > 0);
    if (!p->objects)
        list_add(&p->node, &partial[class]);
    o->next = p->objects;
    p->objects = o;
    // The last page of a class with free objects is kept: it would be wanted back at once.
    if (--p->used == 0 && p->node.next != p->node.prev) {
        list_del(&p->node);
        p->class = 0;
        pages_free((void *)((u64)o & PAGE_MASK), 0);
    }
    spin_unlock_irqrestore(&heap_lock, flags);
}

// ---- interface ----

void *kalloc(size_t size)
{
    void *p;
    u64 bytes;
    if (size <= CLASS_MAX) {
        u32 class = class_of[(size + 15) / 16];
        bytes = class_size[class];
        size = ALIGN_UP(size, 8);
        p = DEBUG_BUILD && mm_failure_due() ? NULL : object_alloc(class);
    } else {
        u32 order = 0;
        while (order <= MAX_ORDER && PAGE_SIZE << order < size)
            order++;
        size = bytes = PAGE_SIZE << order; // whole, as in grow()
        p = order <= MAX_ORDER ? pages_alloc(order) : NULL;
    }
    if (!p)
        return NULL;
    __atomic_fetch_add(&heap_bytes, bytes, __ATOMIC_RELAXED);
    return memset(p, 0, size);
}

void kfree(void *addr)
{
    if (!addr)
        return;
    struct page *p = page_of(addr);
    u64 bytes = p->class ? class_size[p->class - 1] : PAGE_SIZE << p->order;
    if (p->class)
        object_free(p, addr);
    else
        pages_free(addr, p->order);
    __atomic_fetch_sub(&heap_bytes, bytes, __ATOMIC_RELAXED);
}
