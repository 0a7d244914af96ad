// Names and addresses: of ELF files, and of the kernel.
#include "user/perf/perf.h"
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define KERNEL_SYMBOLS "/proc/kallsyms"

struct symbol {
    uint64_t addr, size; // size 0: not known
    const char *name;
};

struct symbols {
    struct symbols *next;
    const char *path;
    struct symbol *list; // by address
    size_t n;
};

static struct symbols *all;

static int by_address(const void *a, const void *b)
{
    const struct symbol *x = a, *y = b;

    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void *checked(void *memory)
{
    if (!memory) {
        fprintf(stderr, "perf: no memory for symbols\n");
        exit(1);
    }
    return memory;
}

static void add(struct symbols *s, uint64_t addr, uint64_t size, const char *name)
{
    if ((s->n & (s->n - 1)) == 0) // full: doubles the room
        s->list = checked(realloc(s->list, (s->n ? 2 * s->n : 1) * sizeof *s->list));
    s->list[s->n++] = (struct symbol){addr, size, name};
}

static bool inside(uint64_t offset, uint64_t len, uint64_t size)
{
    return offset <= size && len <= size - offset;
}

// No number in the file is trusted.
static void read_elf(struct symbols *s, const uint8_t *file, uint64_t size)
{
    const Elf64_Ehdr *h = (const void *)file;

    if (size < sizeof *h || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 ||
        h->e_ident[EI_CLASS] != ELFCLASS64 ||
        !inside(h->e_shoff, h->e_shnum * sizeof(Elf64_Shdr), size))
        return;
    const Elf64_Shdr *sections = (const void *)(file + h->e_shoff);
    for (int i = 0; i < h->e_shnum; i++) {
        const Elf64_Shdr *tab = &sections[i];
        if (tab->sh_type != SHT_SYMTAB || tab->sh_link >= h->e_shnum)
            continue;
        const Elf64_Shdr *str = &sections[tab->sh_link];
        if (!inside(tab->sh_offset, tab->sh_size, size) ||
            !inside(str->sh_offset, str->sh_size, size) || !str->sh_size ||
            file[str->sh_offset + str->sh_size - 1])
            continue;
        const Elf64_Sym *sym = (const void *)(file + tab->sh_offset);
        for (uint64_t n = tab->sh_size / sizeof *sym; n > 0; n--, sym++) {
            int type = ELF64_ST_TYPE(sym->st_info);
            if ((type == STT_FUNC || type == STT_OBJECT) && sym->st_shndx != SHN_UNDEF &&
                sym->st_name < str->sh_size)
                add(s, sym->st_value, sym->st_size,
                    (const char *)file + str->sh_offset + sym->st_name);
        }
    }
}

static void read_elf_file(struct symbols *s)
{
    struct stat st;
    int fd = open(s->path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        void *file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (file != MAP_FAILED)
            read_elf(s, file, (uint64_t)st.st_size);
    }
    close(fd);
}

static void read_kernel(struct symbols *s)
{
    FILE *f = fopen(KERNEL_SYMBOLS, "r");
    char line[512], name[256], type;
    unsigned long long addr;

    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "%llx %c %255s", &addr, &type, name) == 3 && addr)
            add(s, addr, 0, checked(strdup(name)));
    if (f)
        fclose(f);
}

static struct symbols *find(const char *path, void (*read)(struct symbols *))
{
    struct symbols *s;

    for (s = all; s; s = s->next)
        if (strcmp(s->path, path) == 0)
            return s;
    s = checked(calloc(1, sizeof *s));
    s->path = checked(strdup(path));
    s->next = all;
    all = s;
    read(s);
    if (s->n)
        qsort(s->list, s->n, sizeof *s->list, by_address);
    return s;
}

struct symbols *symbols_of_file(const char *path)
{
    return find(path, read_elf_file);
}

struct symbols *symbols_of_kernel(void)
{
    return find(KERNEL_SYMBOLS, read_kernel);
}

const char *symbol_at(const struct symbols *s, uint64_t addr, uint64_t *offset)
{
    size_t low = 0, high = s->n;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->list[middle].addr <= addr)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low)
        return NULL;
    const struct symbol *found = &s->list[low - 1];
    *offset = addr - found->addr;
    return found->size && *offset >= found->size ? NULL : found->name;
}

bool symbol_named(const struct symbols *s, const char *name, uint64_t *addr)
{
    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(s->list[i].name, name) == 0) {
            *addr = s->list[i].addr;
            return true;
        }
    }
    return false;
}
