// ptrace's numbers and structures as programs see them (ptrace(2), <sys/user.h>, <linux/ptrace.h>).
#pragma once

#include "arch/x86/types.h"

// clang-format off
enum {
    PTRACE_TRACEME = 0, PTRACE_PEEKTEXT = 1, PTRACE_PEEKDATA = 2, PTRACE_PEEKUSER = 3,
    PTRACE_POKETEXT = 4, PTRACE_POKEDATA = 5, PTRACE_POKEUSER = 6, PTRACE_CONT = 7, PTRACE_KILL = 8,
    PTRACE_SINGLESTEP = 9, PTRACE_GETREGS = 12, PTRACE_SETREGS = 13, PTRACE_GETFPREGS = 14,
    PTRACE_SETFPREGS = 15, PTRACE_ATTACH = 16, PTRACE_DETACH = 17, PTRACE_OLDSETOPTIONS = 21,
    PTRACE_SYSCALL = 24, PTRACE_ARCH_PRCTL = 30, PTRACE_SYSEMU = 31, PTRACE_SYSEMU_SINGLESTEP = 32,
    PTRACE_SINGLEBLOCK = 33, PTRACE_SETOPTIONS = 0x4200, PTRACE_GETEVENTMSG = 0x4201,
    PTRACE_GETSIGINFO = 0x4202, PTRACE_SETSIGINFO = 0x4203, PTRACE_GETREGSET = 0x4204,
    PTRACE_SETREGSET = 0x4205, PTRACE_SEIZE = 0x4206, PTRACE_INTERRUPT = 0x4207,
    PTRACE_LISTEN = 0x4208, PTRACE_PEEKSIGINFO = 0x4209, PTRACE_GETSIGMASK = 0x420a,
    PTRACE_SETSIGMASK = 0x420b, PTRACE_GET_SYSCALL_INFO = 0x420e,
};

enum {
    PTRACE_EVENT_FORK = 1, PTRACE_EVENT_VFORK = 2, PTRACE_EVENT_CLONE = 3, PTRACE_EVENT_EXEC = 4,
    PTRACE_EVENT_VFORK_DONE = 5, PTRACE_EVENT_EXIT = 6, PTRACE_EVENT_STOP = 128,
};
// clang-format on

// Options: bit n asks for event n. There is no seccomp here. So event 7 never comes, and option 21,
// which suspends seccomp, has no effect.
#define PTRACE_O_TRACESYSGOOD    BIT(0)
#define PTRACE_O_EVENT(event)    BIT(event)
#define PTRACE_O_EXITKILL        BIT(20)
#define PTRACE_O_SUSPEND_SECCOMP BIT(21)
#define PTRACE_O_KNOWN           (0xff | PTRACE_O_EXITKILL | PTRACE_O_SUSPEND_SECCOMP)

// The message of a stop at a system call.
#define PTRACE_EVENTMSG_SYSCALL_ENTRY 1
#define PTRACE_EVENTMSG_SYSCALL_EXIT  2

// What wait(2) reports above its low byte: a signal, or a signal with an event.
#define STOP_SYSGOOD         0x80u
#define STOP_EVENT(sig, evt) ((sig) | (u32)(evt) << 8)

// Register sets, by their ELF note types.
#define NT_PRSTATUS   1u
#define NT_PRFPREG    2u
#define NT_386_IOPERM 0x201u
#define NT_X86_XSTATE 0x202u
#define NT_X86_SHSTK  0x204u

struct user_regs {
    u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    u64 orig_rax, rip, cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
};
_Static_assert(sizeof(struct user_regs) == 216, "user_regs_struct is the ABI's");

// PEEKUSER and POKEUSER reach the registers at the beginning of struct user, and its debug
// registers.
#define USER_SIZE     928 // Linux's struct user; in C libraries it has 912 bytes
#define USER_DEBUGREG 848

struct peeksiginfo_args {
    u64 off;
    u32 flags;
    s32 nr;
};
#define PTRACE_PEEKSIGINFO_SHARED 1u

enum { SYSCALL_INFO_NONE, SYSCALL_INFO_ENTRY, SYSCALL_INFO_EXIT };
#define AUDIT_ARCH_X86_64 0xc000003eu

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
