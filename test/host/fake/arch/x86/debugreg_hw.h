// Where debugreg.c meets the hardware, as the tests on the host have it (test/host/dr_model.h).
#pragma once

#include "arch/x86/debugreg.h"

void hw_write_dr(int n, u64 v);
u64 hw_read_dr(int n);
struct dr_file *this_dr(void);
