// The upcalls of linux/mm: what it asks of the rooms above.
#pragma once

#include "arch/x86/types.h"

// linux/task/rlimit.c. How many bytes the running program may map in all (RLIMIT_AS), and of
// private memory that it can write (RLIMIT_DATA): getrlimit(2). Any context.
u64 vm_mapped_max(void);
u64 vm_data_max(void);
