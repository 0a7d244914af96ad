// What the multiboot2 loader says (specification 2.0, 3.6), copied out of its memory; and
// refusing to boot.

#include "arch/x86/cpu.h"
#include "arch/x86/paging.h"
#include "arch/x86/platform.h"
#include "arch/x86/rep.h"

#define MB2_LOADER_MAGIC 0x36d76289u
#define MMAP_AVAILABLE   1u
#define LOW_MEMORY_END   0x100000ull // BIOS data, trampoline, VGA below

enum {
    TAG_END = 0,
    TAG_CMDLINE = 1,
    TAG_MODULE = 3,
    TAG_MMAP = 6,
    TAG_FRAMEBUFFER = 8,
    TAG_RSDP1 = 14,
    TAG_RSDP2 = 15
};

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

struct mb2_framebuffer {
    u64 pa;
    u32 pitch, width, height;
    u8 bits, type;
    u16 reserved;
    struct {
        u8 at, bits;
    } red, green, blue;
} __packed;

#define FRAMEBUFFER_RGB 1

struct boot_info boot_info;

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
    if (boot_info.nr_modules++ == 0) {
        boot_info.module_start = m->start;
        boot_info.module_end = m->end;
    }
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

static void read_framebuffer(const struct mb2_tag *tag)
{
    const struct mb2_framebuffer *f = (const struct mb2_framebuffer *)tag->body;
    if (f->type == FRAMEBUFFER_RGB)
        boot_info.framebuffer = (struct framebuffer){
            f->pa, f->pitch, f->width, f->height, f->bits, f->red.at, f->green.at, f->blue.at,
        };
}

// The newer form, if there is one, comes with a tag of its own and wins whichever comes first.
static void read_rsdp(const struct mb2_tag *tag)
{
    static u32 have;
    if (have > tag->type)
        return;
    have = tag->type;
    rep_copy(rsdp_copy, tag->body, MIN(tag->size - sizeof(*tag), sizeof(rsdp_copy)));
    boot_info.rsdp = virt_to_phys(rsdp_copy);
}

void boot_info_parse(u32 magic, u32 mbi)
{
    if (magic != MB2_LOADER_MAGIC)
        boot_refuse(
            "dr7: not started by a multiboot2 loader (wrong boot magic); boot it with GRUB");
    u64 end = (u64)mbi + *(u32 *)phys_to_virt(mbi);
    if (end > BOOT_MAP_END)
        boot_refuse("dr7: the loader's information lies above 4 GiB");

    for (u64 at = (u64)mbi + 8; at + sizeof(struct mb2_tag) <= end;) {
        const struct mb2_tag *tag = phys_to_virt(at);
        if (tag->type == TAG_END)
            break;
        if (tag->size < sizeof(*tag) || at + tag->size > end)
            boot_refuse("dr7: the loader's information is broken");
        switch (tag->type) {
        case TAG_CMDLINE:
            read_cmdline(tag);
            break;
        case TAG_MODULE:
            read_module(tag);
            break;
        case TAG_MMAP:
            read_mmap(tag);
            break;
        case TAG_FRAMEBUFFER:
            read_framebuffer(tag);
            break;
        case TAG_RSDP1:
        case TAG_RSDP2:
            read_rsdp(tag);
            break;
        }
        at += ALIGN_UP(tag->size, 8);
    }
    if (!boot_info.nr_regions)
        boot_refuse("dr7: the loader gives no memory map");
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
