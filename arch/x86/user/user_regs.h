// Registers that only ring 3 needs: the flags of programs, the MSRs of SYSCALL, a thread's base.
#pragma once

#include "arch/x86/cpu.h"

#define RFLAGS_CF   BIT(0)
#define RFLAGS_DF   BIT(10)
#define RFLAGS_IOPL (3ull << 12)
#define RFLAGS_NT   BIT(14)
#define RFLAGS_AC   BIT(18)
// The flags that a program's signal frame or its debugger may change. RF is among them: it lets a
// program that stopped at an instruction breakpoint execute that instruction.
#define RFLAGS_USER                                                                                \
    (RFLAGS_CF | BIT(2) | BIT(4) | BIT(6) | BIT(7) | RFLAGS_TF | RFLAGS_DF | BIT(11) | RFLAGS_RF | \
     RFLAGS_AC)

#define CR4_OSFXSR     BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_UMIP       BIT(11)
#define CR4_SMEP       BIT(20)
#define CR4_SMAP       BIT(21)

#define EFER_SCE    BIT(0)
#define MSR_STAR    0xc0000081
#define MSR_LSTAR   0xc0000082
#define MSR_FMASK   0xc0000084
#define MSR_FS_BASE 0xc0000100
