// The virtual machine control block of AMD's SVM, as far as dr7 uses it (APM vol. 2, appendix B).
#pragma once

#include "arch/x86/types.h"

#define CR0_PE    BIT(0)
#define CR0_ET    BIT(4)
#define CR0_PG    BIT(31)
#define CR4_PAE   BIT(5)
#define EFER_LME  BIT(8)
#define EFER_LMA  BIT(10)
#define EFER_SVME BIT(12)
#define CPUID_EXT 0x80000000u // the first of the extended leaves

// Intercepts: what makes the guest leave. A word of 16 bits for each kind of access to CRn and DRn.
#define SVM_ALL_REGISTERS 0xffffu
// vmcb.intercept
#define SVM_INTR     BIT(0)
#define SVM_NMI      BIT(1)
#define SVM_INIT     BIT(3)
#define SVM_LTR      BIT(13)
#define SVM_RDPMC    BIT(15)
#define SVM_INVD     BIT(22)
#define SVM_HLT      BIT(24)
#define SVM_INVLPGA  BIT(26)
#define SVM_IOIO     BIT(27)
#define SVM_MSR      BIT(28)
#define SVM_TASK     BIT(29)
#define SVM_SHUTDOWN BIT(31)
#define SVM_VMRUN    BIT(32)
#define SVM_VMMCALL  BIT(33)
#define SVM_VMLOAD   BIT(34)
#define SVM_VMSAVE   BIT(35)
#define SVM_STGI     BIT(36)
#define SVM_CLGI     BIT(37)
#define SVM_SKINIT   BIT(38)
#define SVM_WBINVD   BIT(41)
#define SVM_MONITOR  BIT(42)
#define SVM_MWAIT    BIT(43)
#define SVM_XSETBV   BIT(45)

#define SVM_FLUSH_ALL      1u
#define SVM_V_INTR_MASKING BIT(24)

// vmcb.exit_code
enum {
    EXIT_READ_DR0 = 0x20,
    EXIT_WRITE_DR0 = 0x30,
    EXIT_WRITE_DR15 = 0x3f,
    EXIT_INTR = 0x60,
    EXIT_NMI = 0x61,
    EXIT_VMMCALL = 0x81,
};

struct vmcb_segment {
    u16 selector, attributes;
    u32 limit;
    u64 base;
};

struct vmcb {
    u16 cr_read, cr_write, dr_read, dr_write; // intercepts
    u32 exceptions;
    u64 intercept;
    u8 reserved0[0x40 - 0x14];
    u64 iopm_pa, msrpm_pa, tsc_offset;
    u32 asid;
    u8 tlb_control, reserved1[3];
    u64 int_control, int_shadow;
    u64 exit_code, exit_info1, exit_info2, exit_int_info;
    u8 reserved2[0x400 - 0x90];
    struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    u8 reserved3[0x4cb - 0x4a0];
    u8 cpl, reserved4[4];
    u64 efer;
    u8 reserved5[0x548 - 0x4d8];
    u64 cr4, cr3, cr0, dr7, dr6, rflags, rip;
    u8 reserved6[0x5d8 - 0x580];
    u64 rsp, reserved7[3], rax;
    u8 reserved8[0x1000 - 0x600];
} __packed;

_Static_assert(offsetof(struct vmcb, iopm_pa) == 0x40 && offsetof(struct vmcb, exit_code) == 0x70 &&
                   offsetof(struct vmcb, es) == 0x400 && offsetof(struct vmcb, cpl) == 0x4cb &&
                   offsetof(struct vmcb, cr4) == 0x548 && offsetof(struct vmcb, rax) == 0x5f8 &&
                   sizeof(struct vmcb) == 0x1000,
               "the processor's layout");
