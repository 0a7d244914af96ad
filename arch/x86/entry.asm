; Exception and IRQ stubs, and the exits. SYSCALL is in arch/x86/user/user.asm.
;
; All of it is protected text: it runs before #DB has switched DR7 off, and after it is on again.

default rel

; arch/x86/cpu.h and trap.h have the same numbers.
MSR_GS_BASE     equ 0xc0000101

TRAP_DB         equ 1
TRAP_NMI        equ 2
TRAP_DF         equ 8
TRAP_MC         equ 18

; Vectors with an error code: DF TS NP SS GP PF AC CP.
%define HAS_ERROR(v) ((v) < 32 && (0x00227d00 >> (v)) & 1)

%include "arch/x86/entry.inc"

; The rest of an entry whose frame is complete. It may have come from ring 0 with the user's GS:
; between SYSCALL or the exits and their SWAPGS. The GS base tells (a user's is in the lower half),
; CS does not.
%macro DISPATCH_BY_GS 1
    cld
    mov ecx, MSR_GS_BASE
    rdmsr
    xor ebx, ebx
    test edx, edx
    js %%kernel_gs
    swapgs
    inc ebx
%%kernel_gs:
    mov rdi, rsp
    call %1
    test ebx, ebx
    jz %%leave
    swapgs
%%leave:
    LEAVE_FRAME
%endmacro

section .text.protected progbits alloc exec nowrite align=16

; ---- the stubs: vector n enters at trap_stubs + 16 * n ----

global trap_stubs
align 16
trap_stubs:
%assign v 0
%rep 256
    align 16
    %if v == TRAP_DB
    jmp db_entry
    %else
        %if !HAS_ERROR(v)
    push 0
        %endif
    push v
        %if v == TRAP_NMI
    jmp nmi_entry
        %elif v == TRAP_DF || v == TRAP_MC
    jmp fatal_entry
        %else
    jmp trap_entry
        %endif
    %endif
    %assign v v + 1
%endrep

extern trap_dispatch, trap_debug, trap_nmi

trap_entry:
    PUSH_ALL REGS
    cld
    mov rdi, rsp
    test byte [rsp + frame.cs], 3
    jnz .user
    call trap_dispatch
    LEAVE_FRAME
.user:
    swapgs
    xor ebp, ebp ; ends the backtrace
    call trap_dispatch
global leave_to_user
leave_to_user:
    swapgs
    LEAVE_FRAME

fatal_entry:
    PUSH_ALL REGS
    DISPATCH_BY_GS trap_dispatch

nmi_entry:
    PUSH_ALL REGS
    DISPATCH_BY_GS trap_nmi

; #DB. With an IST stack a second one from within would overwrite this frame, so nothing on the way
; to dr_db_enter() may be watched. From ring 3 the frame moves to the task's own stack, because
; signals and preemption may follow. On TCG, where there is no IST stack, it is there already.
;
; TCG nests a #DB at the very first byte of the stub when a single step and a data hit fall
; together. Both are then in the inner one's DR6, and the outer one's is lost. The inner one comes
; from ring 0, possibly with the user's GS; trap_debug() knows it by its rip and keeps DR6 for the
; outer one.
db_entry:
    push 0
    push TRAP_DB
    PUSH_ALL REGS
    test byte [rsp + frame.cs], 3
    jnz .user
    DISPATCH_BY_GS trap_debug
.user:
    cld
    swapgs
    mov rsi, rsp
    mov rdi, [gs:CPU_KERNEL_RSP]
    sub rdi, frame_size
    cmp rdi, rsi
    je .in_place
    mov rsp, rdi
    mov ecx, frame_size / 8
    rep movsq
    mov rdi, rsp
.in_place:
    xor ebp, ebp
    call trap_debug
    jmp leave_to_user
