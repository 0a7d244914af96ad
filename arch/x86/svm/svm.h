// Guests: a small host for AMD's SVM (AMD APM vol. 2, chapter 15).
//
// A guest is 64-bit code in ring 0 on SVM_GUEST_MEMORY bytes of memory, which it sees at address 0.
// It starts there, with its stack at the end. It may do what needs nothing but this memory, its own
// GDT and IDT, and the debug registers; a #DB is its own affair, too. VMMCALL asks the host.
// Anything else (another exception, HLT, ports, MSRs, control registers) ends it. It is interrupted
// whenever the host is, and may go on on another CPU.
//
// Debug registers are switched lazily. As long as the guest has not touched one, its accesses are
// intercepted, DR0-DR3 stay the host's, and an entry costs nothing. From the first access on it has
// registers of its own: loaded before each entry, read back after each exit.
//
// The host's breakpoints do not see the guest: VMRUN and #VMEXIT switch DR7. Nor do they see what
// the host does between dr_lend() and hw_breakpoint_restore(), a few dozen instructions.
#pragma once

#include "arch/x86/debugreg.h"

#define SVM_GUEST_MEMORY 0x10000ull
#define SVM_TABLES       4 // page tables of a guest: one of each level

// In the order in which instructions number them; svm.asm has the same. RAX and RSP are in the VMCB
// instead.
struct svm_registers {
    u64 rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
};

struct svm_guest {
    struct svm_registers regs;
    u64 vmcb_pa, table_pa[SVM_TABLES], memory_pa;
    bool owns_dr;    // has touched a debug register
    u64 dr[HBP_NUM]; // its DR0-DR3; DR6 and DR7 are in the VMCB
    u64 entries;     // so far
    u64 interrupts;  // of them, ended by an interrupt of the host
};

// Why a guest is not running.
enum svm_stop {
    SVM_INTERRUPTED, // the host has something to do: it has done so, run the guest again
    SVM_CALL,        // VMMCALL; run again to go on after it
    SVM_DIED,        // it did what it may not do; do not run it again
};

// The guest's state where it stopped.
struct svm_state {
    u64 rax, rdi, rip;
    u64 exit_code, exit_info1, exit_info2; // AMD APM vol. 2, appendix C
    u64 dr6, dr7;
};

// Finds out whether there is SVM, and gets memory for each CPU. Once, after all CPUs were found.
void svm_init(void);

// True if guests can run: the CPU has SVM and the firmware lets it be used.
bool svm_available(void);

// A guest on this memory (contiguous, zeroed by the caller, who also frees it after
// svm_guest_release). 0, or -1 when memory is out. Only if svm_available().
int svm_guest_init(struct svm_guest *g, u64 memory_pa);
void svm_guest_release(struct svm_guest *g);

// Runs it until it stops. Task context, IRQs on; one caller at a time.
enum svm_stop svm_guest_run(struct svm_guest *g);

void svm_guest_state(const struct svm_guest *g, struct svm_state *state);
