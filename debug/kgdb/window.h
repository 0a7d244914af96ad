// Writing to memory whatever its own mapping allows.
#pragma once

#include "arch/x86/types.h"

// A debugger's window: makes the page that contains `pa` appear, writable, at one fixed address and
// returns where `pa` is in it; `flags` as paging_lookup() gave them. Kernel text is written through
// it, since the text's own mapping forbids that. One user at a time, IRQs off.
void window_init(void); // once, before the first use
void *window_open(u64 pa, u64 flags);
void window_close(void);
