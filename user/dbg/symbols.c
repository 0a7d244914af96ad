// Names of functions and variables: the ELF file's symbol table.
#include "user/dbg/dbg.h"
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_NESTED 16 // symbols that begin inside another one

static struct symbol *list; // sorted by address
static size_t count;
static uint64_t entry;

static int by_address(const void *a, const void *b)
{
    const struct symbol *x = a, *y = b;

    return x->addr != y->addr ? (x->addr < y->addr ? -1 : 1) : strcmp(x->name, y->name);
}

static bool inside(uint64_t offset, uint64_t len, uint64_t size)
{
    return offset <= size && len <= size - offset;
}

static void add_table(const uint8_t *file, const Elf64_Shdr *tab, const Elf64_Shdr *str)
{
    const Elf64_Sym *sym = (const void *)(file + tab->sh_offset);
    size_t n = tab->sh_size / sizeof *sym;

    list = calloc(n + 1, sizeof *list);
    for (size_t i = 0; list && i < n; i++) {
        int type = ELF64_ST_TYPE(sym[i].st_info);
        bool named = type == STT_FUNC || type == STT_OBJECT; // or in assembly, like _start
        named |= type == STT_NOTYPE && ELF64_ST_BIND(sym[i].st_info) == STB_GLOBAL;
        if (named && sym[i].st_shndx != SHN_UNDEF && sym[i].st_shndx < SHN_LORESERVE &&
            sym[i].st_name < str->sh_size)
            list[count++] = (struct symbol){
                .addr = sym[i].st_value,
                .size = sym[i].st_size,
                .name = (const char *)file + str->sh_offset + sym[i].st_name,
                .code = type == STT_FUNC,
            };
    }
    qsort(list, count, sizeof *list, by_address);
}

// No number in the file is trusted. A file without symbols is no error.
static bool parse(const uint8_t *file, uint64_t size)
{
    const Elf64_Ehdr *h = (const void *)file;

    if (size < sizeof *h || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 ||
        h->e_ident[EI_CLASS] != ELFCLASS64 ||
        !inside(h->e_shoff, h->e_shnum * sizeof(Elf64_Shdr), size))
        return false;
    entry = h->e_entry;
    const Elf64_Shdr *s = (const void *)(file + h->e_shoff);
    for (int i = 0; i < h->e_shnum && !list; i++) {
        const Elf64_Shdr *str = &s[s[i].sh_link < h->e_shnum ? s[i].sh_link : 0];
        if (s[i].sh_type == SHT_SYMTAB && inside(s[i].sh_offset, s[i].sh_size, size) &&
            inside(str->sh_offset, str->sh_size, size) && str->sh_size &&
            !file[str->sh_offset + str->sh_size - 1])
            add_table(file, &s[i], str);
    }
    return true;
}

bool symbols_load(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *file = MAP_FAILED;

    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
        file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd >= 0)
        close(fd);
    if (file != MAP_FAILED && parse(file, (uint64_t)st.st_size))
        return true;
    fprintf(stderr, "dbg: %s: no program for x86-64\n", path);
    return false;
}

void symbols_place(uint64_t at)
{
    for (size_t i = 0; i < count; i++)
        list[i].addr += at - entry;
    entry = at;
}

const struct symbol *symbol_named(const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

const struct symbol *symbol_at(uint64_t addr)
{
    size_t low = 0, high = count; // below low: at or before addr; from high on: after addr

    while (low < high) {
        size_t mid = (low + high) / 2;
        if (list[mid].addr <= addr)
            low = mid + 1;
        else
            high = mid;
    }
    for (size_t i = low; i > 0 && low - i < MAX_NESTED; i--)
        if (addr - list[i - 1].addr < list[i - 1].size || addr == list[i - 1].addr)
            return &list[i - 1];
    return NULL;
}

const char *place_name(uint64_t addr)
{
    static char text[4][160];
    static int turn;
    const struct symbol *s = symbol_at(addr);
    char *t = text[turn++ % 4];

    if (!s)
        snprintf(t, sizeof text[0], "0x%llx", (unsigned long long)addr);
    else if (addr == s->addr)
        snprintf(t, sizeof text[0], "%s", s->name);
    else
        snprintf(t, sizeof text[0], "%s+0x%llx", s->name, (unsigned long long)(addr - s->addr));
    return t;
}
