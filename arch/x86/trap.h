// Exceptions, interrupts and system calls: the frame, the vectors, the ways in.
#pragma once

#include "arch/x86/types.h"

// Pushed by entry.asm; the order is its contract.
struct trapframe {
    u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    u64 vector; // exception or IRQ vector; VECTOR_SYSCALL for SYSCALL
    u64 error;  // error code; for SYSCALL the system call's number (Linux's orig_rax)
    u64 rip, cs, rflags, rsp, ss; // as the CPU pushes them
};

enum {
    TRAP_DE = 0,
    TRAP_DB = 1,
    TRAP_NMI = 2,
    TRAP_BP = 3,
    TRAP_OF = 4,
    TRAP_BR = 5,
    TRAP_UD = 6,
    TRAP_NM = 7,
    TRAP_DF = 8,
    TRAP_TS = 10,
    TRAP_NP = 11,
    TRAP_SS = 12,
    TRAP_GP = 13,
    TRAP_PF = 14,
    TRAP_MF = 16,
    TRAP_AC = 17,
    TRAP_MC = 18,
    TRAP_XM = 19,
    TRAP_CP = 21,
    // External vectors. The legacy PICs are masked; IRQ n of the I/O APIC is IRQ_BASE + n.
    IRQ_BASE = 32,
    IRQ_SERIAL1 = IRQ_BASE + 4,
    IRQ_SERIAL2 = IRQ_BASE + 3,
    IRQ_KEYBOARD = IRQ_BASE + 1,
    IPI_RESCHEDULE = 0xf0,
    IPI_CALL = 0xf1,
    IRQ_TIMER = 0xf2,    // local APIC timer
    IPI_PERF = 0xf3,     // a CPU to itself: a #DB has left work to do
    IPI_DEBUGGER = 0xf4, // a CPU to itself: it was stopped where no breakpoint could be given to it
    IPI_TIMERS = 0xf5,   // a CPU to itself: more timers are due than one interrupt takes
    IPI_RETARGET = 0xf6, // to all: wide breakpoints have another address
    IRQ_SPURIOUS = 0xff,
    VECTOR_SYSCALL = 256,
};

#define PF_PRESENT 1u // page-fault error code, SDM vol. 3, 4.7
#define PF_WRITE   2u
#define PF_USER    4u
#define PF_FETCH   16u

// SYSRET needs the user's data segment right before the code segment (SDM vol. 2, SYSRET). The
// numbers are Linux's: from CS a debugger learns whether a program runs in 64-bit mode.
#define KERNEL_CS 0x08
#define KERNEL_DS 0x10
#define USER_DS   0x2b
#define USER_CS   0x33

static inline bool from_user(const struct trapframe *f)
{
    return f->cs & 3; // rings 1 and 2 are not used
}

// Fills the IDT, shared by all CPUs. Boot CPU, once, before cpu_init().
void trap_init(void);

// Loads the IDT on this CPU.
void trap_load_idt(void);

// C entry of every exception and interrupt, called by entry.asm, IRQs off.
void trap_dispatch(struct trapframe *f);

// A new task's first step into ring 3. Does the usual work on the way out (upcall user_return),
// loads the frame at the top of the current kernel stack and leaves by IRETQ.
__noreturn void return_to_user(struct trapframe *f);

// Whether a handler of the chain has dealt with it: any exception but #DB and the page faults of
// ring 3. From ring 0 only what no fix-up covers. IRQs off.
bool exception_taken(struct trapframe *f);

// If `f` stopped at a user-copy instruction, let it continue at its fix-up and return true.
bool trap_fixup(struct trapframe *f);

// From now on an NMI halts any CPU but this one for ever; cpus[].stopped then says where the CPU
// was. A panic calls this before smp_stop_others().
void trap_stop_on_nmi(void);

// While on, a #DB does not change to its IST stack. A debugger needs this to step through the
// handler of a #DB: the next #DB would begin at the top of the stack that the handler uses. Only
// while all other CPUs are stopped.
void trap_step_in_db(bool on);

// "#GP", "#PF", ... for messages.
const char *trap_name(u64 vector);
