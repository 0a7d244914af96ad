// Finds a kernel symbol by its name. It looks at all symbols, because they are sorted by address.
#include "debug/ksym/lookup.h"
#include "kernel/base/ksym.h"
#include "kernel/base/string.h"

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
