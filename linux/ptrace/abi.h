// ptrace's numbers and structures as programs see them (ptrace(2), <sys/user.h>, <linux/ptrace.h>).
#pragma once

#include "arch/x86/types.h"

#include <linux/audit.h>
#include <linux/elf.h>
#include <linux/ptrace.h>

// Options: bit n asks for event n. There is no seccomp here. So event 7 never comes, and option 21,
// which suspends seccomp, has no effect.
#define PTRACE_O_EVENT(event) BIT(event)
#define PTRACE_O_KNOWN        (0xff | PTRACE_O_EXITKILL | PTRACE_O_SUSPEND_SECCOMP)

// What wait(2) reports above its low byte: a signal, or a signal with an event.
#define STOP_SYSGOOD         0x80u
#define STOP_EVENT(sig, evt) ((sig) | (u32)(evt) << 8)

#define NT_X86_SHSTK 0x204 // a register set, by its ELF note type

struct user_regs {
    u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    u64 orig_rax, rip, cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
};
_Static_assert(sizeof(struct user_regs) == 216, "user_regs_struct is the ABI's");

// PEEKUSER and POKEUSER reach the registers at the beginning of struct user, and its debug
// registers.
#define USER_SIZE     928 // Linux's struct user; in C libraries it has 912 bytes
#define USER_DEBUGREG 848

struct syscall_info {
    u8 op, pad[3];
    u32 arch;
    u64 rip, rsp;
    union {
        struct {
            u64 nr, args[6];
        } entry;
        struct {
            s64 value;
            u8 is_error;
        } exit;
    };
};
_Static_assert(sizeof(struct syscall_info) == 80, "ptrace_syscall_info without seccomp's part");
