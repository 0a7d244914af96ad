// What the multiboot2 loader says (specification 2.0, 3.6), copied out of its memory; and
// refusing to boot.

#include "arch/x86/cpu.h"
#include "arch/x86/paging.h"
#include "arch/x86/platform.h"
#include "arch/x86/rep.h"

#define MB2_LOADER_MAGIC 0x36d76289u
#define MMAP_AVAILABLE   1u
#define LOW_MEMORY_END   0x100000ull // BIOS data, trampoline, VGA below

enum { TAG_END = 0, TAG_CMDLINE = 1, TAG_MODULE = 3, TAG_MMAP = 6, TAG_RSDP1 = 14, TAG_RSDP2 = 15 };

struct mb2_tag {
    u32 type, size; // size without the padding to 8 bytes
    u8 body[];
};

struct mb2_module {
    u32 start, end;
};

struct mb2_mmap {
    u32 entry_size, entry_version;
    u8 entries[];
};

struct mb2_mmap_entry {
    u64 base, length;
    u32 type, reserved;
};

struct boot_info boot_info;
static const struct mb2_tag *tags[24]; // the first of each type, in the loader's memory

static u8 rsdp_copy[36] __aligned(8); // the longer of its two forms

static void read_cmdline(const struct mb2_tag *tag)
{
    u32 n = tag->size - sizeof(*tag);
    if (n > sizeof(boot_info.cmdline))
        boot_refuse("dr7: the kernel command line is longer than 2047 bytes");
    rep_copy(boot_info.cmdline, tag->body, n);
}

static void read_module(const struct mb2_tag *tag)
{
    const struct mb2_module *m = (const struct mb2_module *)tag->body;
    boot_info.module_start = m->start;
    boot_info.module_end = m->end;
}

static void read_mmap(const struct mb2_tag *tag)
{
    const struct mb2_mmap *map = (const struct mb2_mmap *)tag->body;
    u32 size = tag->size - sizeof(*tag) - sizeof(*map);
    for (u32 off = 0; off + map->entry_size <= size; off += map->entry_size) {
        const struct mb2_mmap_entry *e = (const struct mb2_mmap_entry *)&map->entries[off];
        u64 start = ALIGN_UP(MAX(e->base, LOW_MEMORY_END), PAGE_SIZE);
        u64 end = ALIGN_DOWN(e->base + e->length, PAGE_SIZE);
        if (e->type != MMAP_AVAILABLE || start >= end)
            continue;
        if (boot_info.nr_regions == MAX_MEM_REGIONS)
            boot_refuse("dr7: the memory map has more than 64 usable regions");
        boot_info.regions[boot_info.nr_regions++] = (struct mem_region){start, end};
    }
}

// Of the two forms of ACPI's root pointer the newer one wins.
static void read_rsdp(void)
{
    const struct mb2_tag *tag = tags[TAG_RSDP2] ? tags[TAG_RSDP2] : tags[TAG_RSDP1];
    if (!tag)
        return;
    rep_copy(rsdp_copy, tag->body, MIN(tag->size - sizeof(*tag), sizeof(rsdp_copy)));
    boot_info.rsdp = virt_to_phys(rsdp_copy);
}

static void find_tags(u64 at, u64 end)
{
    while (at + sizeof(struct mb2_tag) <= end) {
        const struct mb2_tag *tag = phys_to_virt(at);
        if (tag->type == TAG_END)
            break;
        if (tag->size < sizeof(*tag) || at + tag->size > end)
            boot_refuse("dr7: the loader's information is broken");
        if (tag->type < ARRAY_SIZE(tags) && !tags[tag->type])
            tags[tag->type] = tag;
        boot_info.nr_modules += tag->type == TAG_MODULE;
        at += ALIGN_UP(tag->size, 8);
    }
}

void boot_info_parse(u32 magic, u32 mbi)
{
    if (magic != MB2_LOADER_MAGIC)
        boot_refuse(
            "dr7: not started by a multiboot2 loader (wrong boot magic); boot it with GRUB");
    u64 end = (u64)mbi + *(u32 *)phys_to_virt(mbi);
    if (end > BOOT_MAP_END)
        boot_refuse("dr7: the loader's information lies above 4 GiB");
    find_tags((u64)mbi + 8, end);
    if (tags[TAG_CMDLINE])
        read_cmdline(tags[TAG_CMDLINE]);
    if (tags[TAG_MODULE])
        read_module(tags[TAG_MODULE]);
    if (tags[TAG_MMAP])
        read_mmap(tags[TAG_MMAP]);
    read_rsdp();
    if (!boot_info.nr_regions)
        boot_refuse("dr7: the loader gives no memory map");
}

const void *boot_tag(u32 type)
{
    return tags[type] ? tags[type]->body : NULL;
}

__noreturn void boot_refuse(const char *why)
{
    size_t n = __builtin_strlen(why);
    serial_write(COM1, why, n);
    serial_write(COM1, "\r\n", 2);
    screen_write(why, n);
    screen_write("\n", 1);
    machine_off(1);
}
