// Loads static ELF64 programs: fixed ones (ET_EXEC) and position-independent ones (ET_DYN). The
// formats are in the System V gABI, chapters 4 (object files) and 5 (loading).
#include "kernel/base/printk.h"
#include "kernel/base/string.h"
#include "linux/mm/vm.h"
#include "linux/proc/exec.h"

#include <linux/elf.h>

#define MAX_PHDRS 64
#define PIE_BASE  0x0000555555554000ull // Linux's place for them when it does not randomise

static bool header_ok(const Elf64_Ehdr *h, u64 len)
{
    return len >= sizeof(*h) && !memcmp(h->e_ident, ELFMAG, SELFMAG) &&
           h->e_ident[EI_CLASS] == ELFCLASS64 && h->e_ident[EI_DATA] == ELFDATA2LSB &&
           h->e_machine == EM_X86_64 && (h->e_type == ET_EXEC || h->e_type == ET_DYN) &&
           h->e_phentsize == sizeof(Elf64_Phdr) && h->e_phnum > 0 && h->e_phnum <= MAX_PHDRS &&
           h->e_phoff <= len && len - h->e_phoff >= h->e_phnum * sizeof(Elf64_Phdr);
}

static bool segment_ok(const Elf64_Phdr *s, u64 bias, u64 len)
{
    u64 at = s->p_vaddr + bias;
    return s->p_filesz <= s->p_memsz && s->p_offset <= len && len - s->p_offset >= s->p_filesz &&
           at >= USER_MMAP_BOTTOM && at < USER_MMAP_TOP && s->p_memsz <= USER_MMAP_TOP - at &&
           ((at ^ s->p_offset) & (PAGE_SIZE - 1)) == 0 &&
           !((s->p_flags & PF_W) && (s->p_flags & PF_X));
}

// Maps the pages with bytes of the file, then the pages with zeros only.
static int map_segment(struct mm *mm, const Elf64_Phdr *s, u64 bias, const u8 *data)
{
    u64 at = s->p_vaddr + bias, start = at & PAGE_MASK, skew = at - start;
    u64 file_end = s->p_filesz ? ALIGN_UP(at + s->p_filesz, PAGE_SIZE) : start;
    u64 end = ALIGN_UP(at + s->p_memsz, PAGE_SIZE);
    u32 prot = (s->p_flags & PF_R ? PROT_READ : 0) | (s->p_flags & PF_W ? PROT_WRITE : 0) |
               (s->p_flags & PF_X ? PROT_EXEC : 0);
    s64 got = 0;
    if (file_end > start)
        got = mm_map_file(mm, start, file_end - start, prot, MAP_PRIVATE | MAP_FIXED,
                          data + s->p_offset - skew, s->p_filesz + skew, 0, "program");
    if (got >= 0 && end > file_end)
        got =
            mm_map(mm, file_end, end - file_end, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, "");
    return got < 0 ? (int)got : 0;
}

int elf_load(struct mm *mm, const u8 *data, u64 len, struct elf_image *img)
{
    Elf64_Ehdr h;
    Elf64_Phdr s;
    if (len < sizeof(h))
        return -ENOEXEC;
    memcpy(&h, data, sizeof(h)); // a copy, because the archive aligns files only to 4 bytes
    if (!header_ok(&h, len))
        return -ENOEXEC;
    *img = (struct elf_image){.phent = h.e_phentsize, .phnum = h.e_phnum};
    if (h.e_type == ET_DYN)
        img->bias = PIE_BASE;
    img->entry = h.e_entry + img->bias;
    for (u32 i = 0; i < h.e_phnum; i++) {
        memcpy(&s, data + h.e_phoff + i * sizeof(s), sizeof(s));
        if (s.p_type == PT_INTERP) {
            printk("exec: this program wants a dynamic linker; only static ones run here\n");
            return -ENOEXEC;
        }
        if (s.p_type != PT_LOAD || !s.p_memsz)
            continue;
        if (!segment_ok(&s, img->bias, len))
            return -ENOEXEC;
        int err = map_segment(mm, &s, img->bias, data);
        if (err)
            return err;
        u64 at = s.p_vaddr + img->bias;
        if (h.e_phoff >= s.p_offset && h.e_phoff - s.p_offset < s.p_filesz)
            img->phdr = at + (h.e_phoff - s.p_offset);
        img->end = MAX(img->end, ALIGN_UP(at + s.p_memsz, PAGE_SIZE));
    }
    return img->end && img->entry < TASK_SIZE_MAX ? 0 : -ENOEXEC;
}
