// The user half of page tables: the frames of address spaces, walks over their pages, and which
// CPUs have them loaded.
#include "arch/x86/user/paging_user.h"
#include "arch/x86/cpu.h"
#include "arch/x86/rep.h"
#include "arch/x86/smp.h"
#include "arch/x86/upcalls.h"

#define FIRST_UPPER (PAGE_ENTRIES / 2) // top-level entries from here on are the kernel's

// How many of the n words at p are zero before the first one that is not.
static inline size_t rep_zeros(const u64 *p, size_t n)
{
    size_t left = n;
    bool other;
    if (!n)
        return 0;
    __asm__ volatile("repe scasq" : "+D"(p), "+c"(left), "=@ccne"(other) : "a"(0ull) : "memory");
    return n - left - other;
}

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

// The lowest table, for the 2 MiB that hold *va. NULL: nothing is there, and *va is now where the
// hole ends, at most at `end` rounded up. Most entries are zero.
static u64 *lowest_table(u64 root, u64 *va, u64 end)
{
    u64 *table = phys_to_virt(root);
    for (int level = 4; level > 1; level--) {
        int shift = PAGE_SHIFT + 9 * (level - 1);
        u64 at = *va >> shift, last = (end - 1) >> shift, i = at % PAGE_ENTRIES;
        if (!table[i]) {
            *va = (at + rep_zeros(table + i, MIN(PAGE_ENTRIES - i, last - at + 1))) << shift;
            return NULL;
        }
        table = paging_table_at(table[i]);
    }
    return table;
}

void paging_for_each(u64 root, u64 start, u64 end, page_fn *fn, void *arg)
{
    end = MIN(end, TASK_SIZE_MAX);
    while (start < end) {
        u64 *table = lowest_table(root, &start, end);
        if (!table)
            continue;
        u64 i = paging_index(start, 1), first = start - i * PAGE_SIZE;
        u64 n = MIN(PAGE_ENTRIES, (end - 1 - first) / PAGE_SIZE + 1);
        for (; (i += rep_zeros(table + i, n - i)) < n; i++)
            fn(first + i * PAGE_SIZE, &table[i], arg);
        start = first + n * PAGE_SIZE;
    }
}

bool paging_lookup(u64 root, u64 va, u64 *pa, u64 *flags)
{
    u64 e = root | PTE_P;
    int level = 5; // of the table that the entry above the top would be in
    while (level > 1 && (e & (PTE_P | PTE_PS)) == PTE_P) {
        level--;
        e = __atomic_load_n(&paging_table_at(e)[paging_index(va, level)], __ATOMIC_ACQUIRE);
    }
    u64 inside = (PAGE_SIZE << 9 * (level - 1)) - 1;
    *pa = (e & PTE_ADDR & ~inside) + (va & inside);
    *flags = e & ~PTE_ADDR;
    return e & PTE_P;
}

void paging_load(u64 root)
{
    struct cpu *c = this_cpu();
    if (c->active_cr3 == root)
        return;
    // Announced first: a shootdown that does not see it yet has changed its entries before this
    // load.
    __atomic_store_n(&c->active_cr3, root, __ATOMIC_SEQ_CST);
    write_cr3(root);
}

static void flush_user_half(void *)
{
    write_cr3(read_cr3());
}

void tlb_shootdown(u64 root)
{
    // The changed entries must be visible before anyone's active_cr3 is looked at (see
    // paging_load).
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    smp_call_users(root, flush_user_half, NULL);
}

bool paging_in_use(u64 root)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); // as in tlb_shootdown()
    for (u32 i = 0; i < nr_cpus; i++)
        if (__atomic_load_n(&cpus[i].active_cr3, __ATOMIC_RELAXED) == root)
            return true;
    return false;
}
