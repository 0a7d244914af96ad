// Memory before the page allocator lives. Early allocations come from one run of memory, upwards,
// so a single bound says what is in use.
#include "arch/x86/paging.h"
#include "arch/x86/platform.h"
#include "kernel/base/string.h"
#include "kernel/mm/page.h"

#define MIB 0x100000ull

static struct mem_region reserved[] = {
    {0, MIB}, // BIOS data, the other CPUs' trampoline, VGA
    {0, 0},   // the image
    {0, 0},   // the module
    {0, 0},   // what was given away here
};
#define IMAGE  (reserved[1])
#define MODULE (reserved[2])
#define TAKEN  (reserved[3])

static u64 taken_limit;

static u64 skip_reserved(u64 at)
{
    for (u32 i = 0; i < ARRAY_SIZE(reserved); i++) {
        if (at >= reserved[i].start && at < reserved[i].end) {
            at = ALIGN_UP(reserved[i].end, PAGE_SIZE);
            i = -1; // it may have come to lie in one looked at before
        }
    }
    return at;
}

// The first free run at or above `from`. False when there is none.
static bool next_run(u64 from, struct mem_region *run)
{
    run->start = ~0ull;
    for (u32 i = 0; i < boot_info.nr_regions; i++) {
        const struct mem_region *r = &boot_info.regions[i];
        u64 start = skip_reserved(MAX(r->start, from));
        if (start < r->end && start < run->start)
            *run = (struct mem_region){start, r->end};
    }
    if (run->start == ~0ull)
        return false;
    for (u32 i = 0; i < ARRAY_SIZE(reserved); i++)
        if (reserved[i].start > run->start && reserved[i].start < run->end)
            run->end = ALIGN_DOWN(reserved[i].start, PAGE_SIZE);
    return true;
}

u64 bootmem_init(void)
{
    u64 end = 0, sum = MIB; // the first MiB is in no region but in the machine
    for (u32 i = 0; i < boot_info.nr_regions; i++) {
        const struct mem_region *r = &boot_info.regions[i];
        sum += r->end - r->start;
        end = MAX(end, r->end);
    }
    if (ALIGN_UP(sum, MIB) < MIN_RAM)
        boot_refuse("dr7: this machine has less than 16 MB of memory");
    IMAGE = (struct mem_region){virt_to_phys(__kernel_start), virt_to_phys(__kernel_end)};
    MODULE = (struct mem_region){boot_info.module_start, boot_info.module_end};

    struct mem_region run, best = {0, 0};
    for (u64 from = 0; next_run(from, &run) && run.start < BOOT_MAP_END; from = run.end)
        if (run.end - run.start > best.end - best.start)
            best = run;
    TAKEN = (struct mem_region){best.start, best.start};
    taken_limit = best.end;
    return end;
}

static u64 take(u64 size, u64 limit)
{
    u64 pa = TAKEN.end;
    size = ALIGN_UP(size, PAGE_SIZE);
    if (pa + size > MIN(limit, taken_limit))
        return 0;
    TAKEN.end += size;
    memset(phys_to_virt(pa), 0, size);
    return pa;
}

u64 bootmem_page(void)
{
    return take(PAGE_SIZE, BOOT_MAP_END);
}

void *bootmem_alloc(u64 size)
{
    u64 pa = take(size, ~0ull);
    if (!pa)
        boot_refuse("dr7: the memory map has no run large enough for the table of pages");
    return phys_to_virt(pa);
}

void bootmem_finish(void (*fn)(u64 start, u64 end))
{
    struct mem_region run;
    for (u64 from = 0; next_run(from, &run); from = run.end)
        fn(run.start, run.end);
}
