// Page tables: the kernel's own, built once. Pages are 4 KiB but in the direct map, where they are
// 2 MiB as far as the image lets them.

#include "arch/x86/paging.h"
#include "arch/x86/cpu.h"
#include "arch/x86/smp.h"
#include "arch/x86/upcalls.h"

#define SIZE_2M    (1ull << 21)
#define DIRECT_MIN (4ull << 30) // below lie firmware tables that no memory map counts as RAM

#define TABLE_FLAGS   (PTE_P | PTE_W)
#define KERNEL_TEXT   (PTE_P | PTE_G)
#define KERNEL_RODATA (PTE_P | PTE_G | PTE_NX)
#define KERNEL_DATA   (PTE_P | PTE_W | PTE_G | PTE_NX)

extern char boot_stack_guard[]; // boot/boot.asm

u64 paging_kernel_root;
static u64 mmio_next = MMIO_BASE;

// The entry for `va` at the level `leaf`, or the large page met above it; NULL when a table is
// missing and `alloc` is NULL or has nothing. Two CPUs that miss the same table agree on one.
// nr_tables, if not NULL, counts those that are made.
static inline u64 *walk(u64 root, u64 va, int leaf, u64 (*alloc)(void), u64 *nr_tables)
{
    u64 *table = phys_to_virt(root);
    for (int level = 4;; level--) {
        u64 *entry = &table[paging_index(va, level)];
        u64 e = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
        if (level == leaf || (e & PTE_PS))
            return entry;
        if (!(e & PTE_P)) {
            u64 page = alloc ? alloc() : 0;
            if (!page)
                return NULL;
            u64 fresh = page | TABLE_FLAGS | (va < TASK_SIZE_MAX ? PTE_U : 0);
            if (__atomic_compare_exchange_n(entry, &e, fresh, false, __ATOMIC_ACQ_REL,
                                            __ATOMIC_ACQUIRE)) {
                e = fresh;
                if (nr_tables)
                    __atomic_fetch_add(nr_tables, 1, __ATOMIC_RELAXED);
            } else {
                page_unref(page);
            }
        }
        table = paging_table_at(e);
    }
}

static u64 *early_walk(u64 va, int leaf, u64 (*alloc)(void))
{
    u64 *entry = walk(paging_kernel_root, va, leaf, alloc, NULL);
    if (!entry)
        panic("paging: no memory for the kernel's page tables");
    return entry;
}

static bool overlaps_image(u64 pa, u64 size)
{
    return pa < virt_to_phys(__kernel_end) && pa + size > virt_to_phys(__kernel_start);
}

static void map_direct(u64 end, u64 (*alloc)(void))
{
    u64 size;
    for (u64 pa = 0; pa < end; pa += size) {
        bool large = !(pa % SIZE_2M) && !overlaps_image(pa, SIZE_2M);
        bool fixed = pa >= virt_to_phys(__kernel_start) && pa < virt_to_phys(__rodata_end);
        u64 flags = large ? KERNEL_DATA | PTE_PS : fixed ? KERNEL_RODATA : KERNEL_DATA;
        size = large ? SIZE_2M : PAGE_SIZE;
        *early_walk((u64)phys_to_virt(pa), large ? 2 : 1, alloc) = pa | flags;
    }
}

static void map_image(const char *start, const char *end, u64 flags, u64 (*alloc)(void))
{
    for (const char *p = start; p < end; p += PAGE_SIZE) {
        if (p != boot_stack_guard)
            *early_walk((u64)p, 1, alloc) = virt_to_phys(p) | flags;
    }
}

void paging_init(u64 phys_end, u64 (*alloc)(void))
{
    paging_kernel_root = alloc();
    if (!paging_kernel_root)
        panic("paging: no memory for the kernel's top-level page table");
    map_direct(ALIGN_UP(MAX(phys_end, DIRECT_MIN), SIZE_2M), alloc);
    map_image(__text_start, __text_end, KERNEL_TEXT, alloc);
    map_image(__rodata_start, __rodata_end, KERNEL_RODATA, alloc);
    map_image(__data_start, __data_end, KERNEL_DATA, alloc);
    // The regions that grow later get their top-level entries now, before anyone copies them.
    early_walk(MMIO_BASE, 3, alloc);
    early_walk(KSTACK_BASE, 3, alloc);

    cpus[0].active_cr3 = paging_kernel_root; // GS may not be set up yet
    write_cr3(paging_kernel_root);
}

void paging_load_kernel(void)
{
    this_cpu()->active_cr3 = paging_kernel_root;
    write_cr3(paging_kernel_root);
}

u64 *paging_walk(u64 root, u64 va, u64 *nr_tables)
{
    return walk(root, va, 1, nr_tables ? page_alloc_zeroed : NULL, nr_tables);
}

int paging_map_kernel(u64 va, u64 pa, u64 flags)
{
    u64 *pte = walk(paging_kernel_root, va, 1, page_alloc_zeroed, NULL);
    if (!pte)
        return -1;
    if (*pte & PTE_P)
        panic("paging: kernel page %lx is mapped already", va);
    *pte = pa | flags | PTE_P | PTE_G;
    return 0;
}

struct range {
    u64 va;
    u32 pages;
};

static void flush_range(void *arg)
{
    const struct range *r = arg;
    for (u32 i = 0; i < r->pages; i++)
        tlb_flush_page(r->va + i * PAGE_SIZE);
}

void paging_unmap_kernel(u64 va, u32 n, u64 *pa)
{
    for (u32 i = 0; i < n; i++) {
        u64 at = va + i * PAGE_SIZE, *pte = paging_walk(paging_kernel_root, at, NULL);
        if (!pte || !(*pte & PTE_P))
            panic("paging: kernel page %lx is not mapped", at);
        pa[i] = *pte & PTE_ADDR;
        *pte = 0;
    }
    smp_call_all(flush_range, &(struct range){va, n});
}

void *mmio_map(u64 pa, u64 size)
{
    u64 first = ALIGN_DOWN(pa, PAGE_SIZE);
    u64 length = ALIGN_UP(pa + size, PAGE_SIZE) - first;
    u64 va = __atomic_fetch_add(&mmio_next, length, __ATOMIC_RELAXED);
    for (u64 off = 0; off < length; off += PAGE_SIZE) {
        if (paging_map_kernel(va + off, first + off, PTE_W | PTE_NX | PTE_PCD | PTE_PWT) < 0)
            panic("paging: no memory to map device registers at %lx", pa);
    }
    return (void *)(va + pa - first);
}

// Used while kgdb's breakpoints still stand, too.
__protected_text void tlb_flush_page(u64 va)
{
    __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

// Changing CR4.PGE forgets global translations too (SDM vol. 3, 4.10.4.1).
void tlb_flush_all(void)
{
    u64 cr4 = read_cr4();
    if (!(cr4 & CR4_PGE)) {
        write_cr3(read_cr3()); // there are no global ones
        return;
    }
    write_cr4(cr4 & ~CR4_PGE);
    write_cr4(cr4);
}
