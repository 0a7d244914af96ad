// The buddy allocator. A block of order n is aligned to its size. Its buddy is the block whose
// address differs in bit n only. Two free buddies become one block of the next order.
#include "kernel/mm/page.h"
#include "arch/x86/paging.h"
#include "kernel/base/spinlock.h"
#include "kernel/base/string.h"

static struct spinlock pages_lock = SPINLOCK("pages", RANK_PAGES);
static struct list free_blocks[MAX_ORDER + 1]; // pages_lock
static u64 nr_free;                            // pages; pages_lock
u64 pages_total;
static struct page *pages; // of page frame 0, 1, ...; constant after page_init
static u64 nr_frames;

static void *address_of(const struct page *p)
{
    return phys_to_virt((u64)(p - pages) << PAGE_SHIFT);
}

struct page *page_of(const void *p)
{
    u64 frame = virt_to_phys(p) >> PAGE_SHIFT;
    ASSERT(frame < nr_frames);
    return &pages[frame];
}

static void block_link(struct page *p, u32 order)
{
    p->free = true;
    p->order = order;
    list_add(&p->node, &free_blocks[order]);
}

static void block_unlink(struct page *p)
{
    p->free = false;
    list_del(&p->node);
}

static void block_free(u64 frame, u32 order)
{
    nr_free += 1ull << order;
    for (; order < MAX_ORDER; order++) {
        u64 buddy = frame ^ (1ull << order);
        if (buddy >= nr_frames || !pages[buddy].free || pages[buddy].order != order)
            break;
        block_unlink(&pages[buddy]);
        frame &= ~(1ull << order);
    }
    block_link(&pages[frame], order);
}

static struct page *block_take(u32 order)
{
    u32 from = order;
    while (from <= MAX_ORDER && list_empty(&free_blocks[from]))
        from++;
    if (from > MAX_ORDER)
        return NULL;
    struct page *p = list_first(&free_blocks[from], struct page, node);
    block_unlink(p);
    while (from > order) {
        from--;
        block_link(p + (1ull << from), from);
    }
    p->order = order;
    p->refs = 1;
    nr_free -= 1ull << order;
    return p;
}

// ---- interface ----

void *pages_alloc(u32 order)
{
    ASSERT(order <= MAX_ORDER);
    if (DEBUG_BUILD && mm_failure_due())
        return NULL;
    u64 flags = spin_lock_irqsave(&pages_lock);
    struct page *p = block_take(order);
    spin_unlock_irqrestore(&pages_lock, flags);
    if (p && DEBUG_BUILD)
        page_check_poison(p, address_of(p), order);
    return p ? address_of(p) : NULL;
}

void pages_free(void *addr, u32 order)
{
    struct page *p = page_of(addr);
    if (p->refs != 1 || p->free || p->order != order || address_of(p) != addr)
        panic("pages: bad free of %p, order %u: refs %u, order %u", addr, order, p->refs, p->order);
    CHECKED(page_poison(p, addr, order));
    u64 flags = spin_lock_irqsave(&pages_lock);
    p->refs = 0;
    block_free(p - pages, order);
    spin_unlock_irqrestore(&pages_lock, flags);
}

u64 page_alloc_zeroed(void)
{
    void *p = pages_alloc(0);
    if (!p)
        return 0;
    memset(p, 0, PAGE_SIZE);
    return virt_to_phys(p);
}

u32 *page_refs(u64 pa)
{
    u64 frame = pa >> PAGE_SHIFT;
    if (frame >= nr_frames || pages[frame].refs == PAGE_RESERVED)
        return NULL;
    return &pages[frame].refs;
}

void page_unref(u64 pa)
{
    u32 *refs = page_refs(pa);
    if (!refs)
        return;
    u32 left = __atomic_sub_fetch(refs, 1, __ATOMIC_ACQ_REL);
    if (left == PAGE_RESERVED)
        panic("pages: free page %lx is dropped", pa);
    if (left == 0) {
        *refs = 1; // nobody else knows it any more
        pages_free(phys_to_virt(pa), 0);
    }
}

u64 pages_free_count(void)
{
    return __atomic_load_n(&nr_free, __ATOMIC_RELAXED);
}

// ---- start ----

static void add_run(u64 start, u64 end)
{
    u64 frame = start >> PAGE_SHIFT, last = end >> PAGE_SHIFT;
    pages_total += last - frame;
    for (u64 i = frame; i < last; i++)
        pages[i].refs = 0;
    while (frame < last) {
        u32 order = MAX_ORDER;
        while (frame % (1ull << order) || last - frame < 1ull << order)
            order--;
        block_free(frame, order);
        frame += 1ull << order;
    }
}

void page_init(void)
{
    u64 end = bootmem_init();
    for (u32 order = 0; order <= MAX_ORDER; order++)
        list_init(&free_blocks[order]);
    paging_init(end, bootmem_page);
    nr_frames = end >> PAGE_SHIFT;
    pages = bootmem_alloc(nr_frames * sizeof(*pages));
    for (u64 i = 0; i < nr_frames; i++)
        pages[i].refs = PAGE_RESERVED;
    bootmem_finish(add_run);
}
