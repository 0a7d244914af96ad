// Memory before the page allocator lives: the regions of the map, minus what is in use already.
#pragma once

#include "arch/x86/types.h"

// Chooses the run of free memory that early allocations come from. Refuses a machine with less than
// MIN_RAM. Returns the end of RAM.
u64 bootmem_init(void);
// A zeroed page below BOOT_MAP_END, as physical address; 0 when there is none.
u64 bootmem_page(void);
// Zeroed memory for ever, whole pages. Once the direct map stands; refuses to boot when there is
// none.
void *bootmem_alloc(u64 size);
// Calls fn for each run of page-aligned memory that was not given away. No allocation after it.
void bootmem_finish(void (*fn)(u64 start, u64 end));
