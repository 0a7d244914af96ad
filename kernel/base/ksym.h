// The kernel's own symbol table, made by tools/ksyms.py from the linked image and linked in again.
#pragma once

#include "arch/x86/types.h"

struct ksym {
    u64 addr;
    u32 size;
    u32 name; // offset into ksym_names
};
extern const struct ksym ksym_table[];
extern const u32 ksym_count;
extern const char ksym_names[];

// Name and offset of the symbol that holds addr, or NULL. Any context.
const char *ksym_find(u64 addr, u64 *offset);
