// DR0-DR7 around a guest. This CPU only.
#pragma once

#include "arch/x86/types.h"

// Before a guest runs: switches the host's breakpoints off and loads the guest's DR0-DR3 (NULL:
// DR0-DR3 stay as they are). IRQs stay off until hw_breakpoint_restore().
void dr_lend(const u64 *addr);

// After the guest has run: writes each of the host's registers that the guest has changed.
void hw_breakpoint_restore(void);
