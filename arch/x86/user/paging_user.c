// The user half of page tables: the frames of address spaces, and walks over their pages.
#include "arch/x86/cpu.h"
#include "arch/x86/paging.h"
#include "arch/x86/rep.h"
#include "arch/x86/upcalls.h"

#define FIRST_UPPER (PAGE_ENTRIES / 2) // top-level entries from here on are the kernel's

u64 paging_new(void)
{
    u64 root = page_alloc_zeroed();
    if (!root)
        return 0;
    u64 *to = phys_to_virt(root);
    const u64 *from = phys_to_virt(paging_kernel_root);
    rep_copy(to + FIRST_UPPER, from + FIRST_UPPER, (PAGE_ENTRIES - FIRST_UPPER) * sizeof(u64));
    return root;
}

static void free_tables(u64 table, int level, int entries)
{
    const u64 *t = phys_to_virt(table);
    for (int i = 0; level > 1 && (i += rep_zeros(t + i, entries - i)) < entries; i++) {
        if (t[i] & PTE_P)
            free_tables(t[i] & PTE_ADDR, level - 1, PAGE_ENTRIES);
    }
    page_unref(table);
}

void paging_free(u64 root)
{
    free_tables(root, 4, FIRST_UPPER);
}

// start < end, both below the end of this table. Most entries are zero.
static void each_page(u64 *table, int level, u64 start, u64 end, page_fn *fn, void *arg)
{
    u64 span = PAGE_SIZE << 9 * (level - 1), base = ALIGN_DOWN(start, span * PAGE_ENTRIES);
    int last = paging_index(end - 1, level);
    for (int i = paging_index(start, level); (i += rep_zeros(table + i, last + 1 - i)) <= last;
         i++) {
        u64 va = MAX(base + i * span, start);
        if (level == 1)
            fn(va, &table[i], arg);
        else
            each_page(paging_table_at(table[i]), level - 1, va, MIN(base + (i + 1) * span, end), fn,
                      arg);
    }
}

void paging_for_each(u64 root, u64 start, u64 end, page_fn *fn, void *arg)
{
    end = MIN(end, TASK_SIZE_MAX);
    if (start < end)
        each_page(phys_to_virt(root), 4, start, end, fn, arg);
}
