// Kernel stacks: each lies at the top of a slot of KSTACK_STRIDE bytes whose lower part is never
// mapped. Some freed stacks stay mapped for the next task: unmapping asks every CPU.
#include "arch/x86/paging.h"
#include "kernel/base/spinlock.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"

#define MAX_STACKS  16384
#define KEEP_STACKS 32
#define STACK_PAGES (KSTACK_SIZE / PAGE_SIZE)

_Static_assert(MAX_STACKS *KSTACK_STRIDE <= KSTACK_END - KSTACK_BASE, "the slots fit the region");

static struct spinlock stacks_lock = SPINLOCK("kernel stacks", RANK_STACKS);
static u16 free_slots[MAX_STACKS]; // those that came back; stacks_lock
static u32 nr_free, nr_used;       // how many these are; and how many slots were ever in use
static u64 kept[KEEP_STACKS];      // tops of free stacks still mapped; stacks_lock
static u32 nr_kept;

static u64 top_of(u32 slot)
{
    return KSTACK_BASE + (slot + 1) * KSTACK_STRIDE;
}

// -1: all in use.
static int slot_take(void)
{
    if (nr_free)
        return free_slots[--nr_free];
    return nr_used < MAX_STACKS ? (int)nr_used++ : -1;
}

static void slot_give(u32 slot)
{
    u64 flags = spin_lock_irqsave(&stacks_lock);
    ASSERT(nr_free < nr_used);
    free_slots[nr_free++] = slot;
    spin_unlock_irqrestore(&stacks_lock, flags);
}

static void unmap(u64 top, u32 nr_pages)
{
    u64 pa[STACK_PAGES];
    paging_unmap_kernel(top - nr_pages * PAGE_SIZE, nr_pages, pa);
    while (nr_pages > 0)
        page_unref(pa[--nr_pages]);
}

static bool map(u64 top)
{
    for (u32 n = 0; n < STACK_PAGES; n++) {
        u64 pa = page_alloc_zeroed();
        if (!pa || paging_map_kernel(top - (n + 1) * PAGE_SIZE, pa, PTE_W | PTE_NX) < 0) {
            page_unref(pa);
            unmap(top, n);
            return false;
        }
    }
    return true;
}

u64 kstack_alloc(void)
{
    u64 flags = spin_lock_irqsave(&stacks_lock);
    u64 top = nr_kept ? kept[--nr_kept] : 0;
    int slot = top ? 0 : slot_take();
    spin_unlock_irqrestore(&stacks_lock, flags);
    if (top || slot < 0)
        return top;
    if (map(top_of(slot)))
        return top_of(slot);
    slot_give(slot);
    return 0;
}

void kstack_free(u64 top)
{
    ASSERT(kstack_top(top - 1) == top);
    u64 flags = spin_lock_irqsave(&stacks_lock);
    bool keep = nr_kept < KEEP_STACKS;
    if (keep)
        kept[nr_kept++] = top;
    spin_unlock_irqrestore(&stacks_lock, flags);
    if (keep)
        return;
    unmap(top, STACK_PAGES);
    slot_give((top - KSTACK_BASE) / KSTACK_STRIDE - 1);
}
