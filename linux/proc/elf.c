// Loads static ELF64 programs: fixed ones (ET_EXEC) and position-independent ones (ET_DYN). The
// formats are in the System V gABI, chapters 4 (object files) and 5 (loading).
#include "kernel/base/printk.h"
#include "kernel/base/string.h"
#include "linux/mm/vm.h"
#include "linux/proc/exec.h"

#define ELFCLASS64  2
#define ELFDATA2LSB 1
#define ET_EXEC     2
#define ET_DYN      3
#define EM_X86_64   62
#define PT_LOAD     1
#define PT_INTERP   3
#define PF_X        1
#define PF_W        2
#define PF_R        4
#define MAX_PHDRS   64
#define PIE_BASE    0x0000555555554000ull // where Linux puts them when it does not randomise

struct elf_header {
    u8 magic[4], class, data, version0, osabi, pad[8];
    u16 type, machine;
    u32 version;
    u64 entry, phoff, shoff;
    u32 flags;
    u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_segment {
    u32 type, flags;
    u64 offset, vaddr, paddr, filesz, memsz, align;
};

static bool header_ok(const struct elf_header *h, u64 len)
{
    return len >= sizeof(*h) && !memcmp(h->magic, "\177ELF", 4) && h->class == ELFCLASS64 &&
           h->data == ELFDATA2LSB && h->machine == EM_X86_64 &&
           (h->type == ET_EXEC || h->type == ET_DYN) &&
           h->phentsize == sizeof(struct elf_segment) && h->phnum > 0 && h->phnum <= MAX_PHDRS &&
           h->phoff <= len && len - h->phoff >= h->phnum * sizeof(struct elf_segment);
}

static bool segment_ok(const struct elf_segment *s, u64 bias, u64 len)
{
    u64 at = s->vaddr + bias;
    return s->filesz <= s->memsz && s->offset <= len && len - s->offset >= s->filesz &&
           at >= USER_MMAP_BOTTOM && at < USER_MMAP_TOP && s->memsz <= USER_MMAP_TOP - at &&
           ((at ^ s->offset) & (PAGE_SIZE - 1)) == 0 && !((s->flags & PF_W) && (s->flags & PF_X));
}

// Maps the pages with bytes of the file, then those with zeros only.
static int map_segment(struct mm *mm, const struct elf_segment *s, u64 bias, const u8 *data)
{
    u64 at = s->vaddr + bias, start = at & PAGE_MASK, skew = at - start;
    u64 file_end = s->filesz ? ALIGN_UP(at + s->filesz, PAGE_SIZE) : start;
    u64 end = ALIGN_UP(at + s->memsz, PAGE_SIZE);
    u32 prot = (s->flags & PF_R ? PROT_READ : 0) | (s->flags & PF_W ? PROT_WRITE : 0) |
               (s->flags & PF_X ? PROT_EXEC : 0);
    s64 got = 0;
    if (file_end > start)
        got = mm_map_file(mm, start, file_end - start, prot, MAP_PRIVATE | MAP_FIXED,
                          data + s->offset - skew, s->filesz + skew, 0, "program");
    if (got >= 0 && end > file_end)
        got =
            mm_map(mm, file_end, end - file_end, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, "");
    return got < 0 ? (int)got : 0;
}

int elf_load(struct mm *mm, const u8 *data, u64 len, struct elf_image *img)
{
    struct elf_header h;
    struct elf_segment s;
    if (len < sizeof(h))
        return -ENOEXEC;
    memcpy(&h, data, sizeof(h)); // a copy, because the archive aligns files to 4 bytes only
    if (!header_ok(&h, len))
        return -ENOEXEC;
    *img = (struct elf_image){.phent = h.phentsize, .phnum = h.phnum};
    if (h.type == ET_DYN)
        img->bias = PIE_BASE;
    img->entry = h.entry + img->bias;
    for (u32 i = 0; i < h.phnum; i++) {
        memcpy(&s, data + h.phoff + i * sizeof(s), sizeof(s));
        if (s.type == PT_INTERP) {
            printk("exec: this program wants a dynamic linker; only static ones run here\n");
            return -ENOEXEC;
        }
        if (s.type != PT_LOAD || !s.memsz)
            continue;
        if (!segment_ok(&s, img->bias, len))
            return -ENOEXEC;
        int err = map_segment(mm, &s, img->bias, data);
        if (err)
            return err;
        u64 at = s.vaddr + img->bias;
        if (h.phoff >= s.offset && h.phoff - s.offset < s.filesz)
            img->phdr = at + (h.phoff - s.offset);
        img->end = MAX(img->end, ALIGN_UP(at + s.memsz, PAGE_SIZE));
    }
    return img->end && img->entry < TASK_SIZE_MAX ? 0 : -ENOEXEC;
}
