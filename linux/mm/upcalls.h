// The upcalls of linux/mm: what it asks of the rooms above.
#pragma once

#include "arch/x86/types.h"

// linux/task/rlimit.c. vm_mapped_max() says how many bytes the running program may map in all
// (RLIMIT_AS). vm_data_max() says how many bytes of private memory that it can write it may have
// (RLIMIT_DATA). See getrlimit(2). Any context.
u64 vm_mapped_max(void);
u64 vm_data_max(void);
