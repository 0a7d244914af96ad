// How to write to memory that its own mapping makes read-only.
#pragma once

#include "arch/x86/types.h"

// A debugger's window. It makes the page that contains `pa` appear at one fixed address, writable,
// and returns the address of `pa` there. `flags` are those that paging_lookup() gave. The stub
// writes kernel text through this window. One user at a time, IRQs off.
void window_init(void); // once, before the first use
void *window_open(u64 pa, u64 flags);
void window_close(void);
