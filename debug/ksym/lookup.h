// A kernel symbol by its name.
#pragma once

#include "arch/x86/types.h"

// Its address (and its size in *size if not NULL), or 0.
u64 ksym_lookup(const char *name, u32 *size);
