// Look-up in the kernel's own symbol table, which tools/ksyms.py sorts by address.
#include "kernel/base/ksym.h"
#include "kernel/base/string.h"

const char *ksym_find(u64 addr, u64 *offset)
{
    u32 lo = 0,
        hi = ksym_count; // symbols below lo begin at or before addr, those from hi on after it
    while (lo < hi) {
        u32 mid = (lo + hi) / 2;
        if (ksym_table[mid].addr <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0)
        return NULL;
    const struct ksym *s = &ksym_table[lo - 1];
    if (addr - s->addr >= s->size)
        return NULL;
    *offset = addr - s->addr;
    return ksym_names + s->name;
}

u64 ksym_lookup(const char *name, u32 *size)
{
    for (u32 i = 0; i < ksym_count; i++) {
        if (strcmp(ksym_names + ksym_table[i].name, name))
            continue;
        if (size)
            *size = ksym_table[i].size;
        return ksym_table[i].addr;
    }
    return 0;
}
