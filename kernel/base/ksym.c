// Look-up in the kernel's own symbol table, which tools/ksyms.py sorts by address.
#include "kernel/base/ksym.h"

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
