// The only places where debugreg.c meets the hardware. The tests on the host have a file of the
// same name in test/host/fake: it sees every write in its order.
#pragma once

#include "arch/x86/cpu.h"

// n: 0-3, 6 or 7; with a constant n each is one MOV. Always inlined: they run in protected text.
static inline __attribute__((always_inline)) void hw_write_dr(int n, u64 v)
{
    // clang-format off
    switch (n) {
    case 0: write_dr0(v); break;
    case 1: write_dr1(v); break;
    case 2: write_dr2(v); break;
    case 3: write_dr3(v); break;
    case 6: write_dr6(v); break;
    case 7: write_dr7(v); break;
    default: __builtin_unreachable();
    }
}

static inline __attribute__((always_inline)) u64 hw_read_dr(int n)
{
    switch (n) {
    case 0: return read_dr0();
    case 1: return read_dr1();
    case 2: return read_dr2();
    case 3: return read_dr3();
    case 6: return read_dr6();
    case 7: return read_dr7();
    default: __builtin_unreachable();
    }
    // clang-format on
}

// The running CPU's file. Stable while IRQs are off.
static inline __attribute__((always_inline)) struct dr_file *this_dr(void)
{
    return &this_cpu()->dr;
}
