; Every way into the kernel and back to ring 3: exception and IRQ stubs, SYSCALL, the exits.
;
; All of it is protected text: it runs before #DB has switched DR7 off, and after it is on again.

default rel

; arch/x86/cpu.h and trap.h have the same numbers.
CPU_USER_RSP    equ 8
CPU_KERNEL_RSP  equ 16
USER_DS         equ 0x2b
USER_CS         equ 0x33
VECTOR_SYSCALL  equ 256
MSR_GS_BASE     equ 0xc0000101
RFLAGS_TF_RF    equ 1 << 8 | 1 << 16

TRAP_DB         equ 1
TRAP_NMI        equ 2
TRAP_DF         equ 8
TRAP_MC         equ 18

; Vectors with an error code: DF TS NP SS GP PF AC CP.
%define HAS_ERROR(v) ((v) < 32 && (0x00227d00 >> (v)) & 1)

struc frame ; struct trapframe
    .r15:    resq 1
    .r14:    resq 1
    .r13:    resq 1
    .r12:    resq 1
    .rbp:    resq 1
    .rbx:    resq 1
    .r11:    resq 1
    .r10:    resq 1
    .r9:     resq 1
    .r8:     resq 1
    .rax:    resq 1
    .rcx:    resq 1
    .rdx:    resq 1
    .rsi:    resq 1
    .rdi:    resq 1
    .vector: resq 1
    .error:  resq 1
    .rip:    resq 1
    .cs:     resq 1
    .rflags: resq 1
    .rsp:    resq 1
    .ss:     resq 1
endstruc

%macro PUSH_ALL 1-*
    %rep %0
        push %1
        %rotate 1
    %endrep
%endmacro

%macro POP_ALL 1-*
    %rep %0
        %rotate -1
        pop %1
    %endrep
%endmacro

%define REGS rdi, rsi, rdx, rcx, rax, r8, r9, r10, r11, rbx, rbp, r12, r13, r14, r15

; Back to where the frame came from; GS is as it was there.
%macro LEAVE_FRAME 0
    POP_ALL REGS
    add rsp, 16 ; vector, error
    iretq
%endmacro

; The rest of an entry whose frame is complete and which may have come from ring 0 with the user's
; GS: between SYSCALL or the exits and their SWAPGS. The GS base tells (a user's is in the lower
; half), CS does not.
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

extern trap_dispatch, trap_debug, trap_nmi, trap_syscall, trap_exit_to_user

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
; to dr_db_enter() may be watched. From ring 3 the frame moves to the task's own stack (where it is
; already when there is no IST stack, on TCG), for signals and preemption may follow.
;
; TCG nests a #DB at the very first byte of the stub when a single step and a data hit fall together
; (both are then in the inner one's DR6, and the outer one's is lost). The inner one comes from ring
; 0, possibly with the user's GS; trap_debug() knows it by its rip and keeps DR6 for the outer one.
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

; ---- system calls ----

; SYSCALL: rip is in rcx, rflags in r11, rsp still the user's, IRQs off (FMASK).
global syscall_entry
align 16
syscall_entry:
    swapgs
    mov [gs:CPU_USER_RSP], rsp
    mov rsp, [gs:CPU_KERNEL_RSP]
    push USER_DS
    push qword [gs:CPU_USER_RSP]
    push r11
    push USER_CS
    push rcx
    push rax
    push VECTOR_SYSCALL
    PUSH_ALL REGS
    xor ebp, ebp
    mov rdi, rsp
    call trap_syscall

    ; SYSRET is faster but loads rip from rcx and rflags from r11, drops RF, and lets TF trap before
    ; the next instruction instead of after it. Any of these: IRETQ. (It also traps in ring 0 on a
    ; rip that is not canonical, which trap_exit_to_user() has seen to.)
    mov rcx, [rsp + frame.rip]
    mov r11, [rsp + frame.rflags]
    cmp rcx, [rsp + frame.rcx]
    jne leave_to_user
    cmp r11, [rsp + frame.r11]
    jne leave_to_user
    test r11d, RFLAGS_TF_RF
    jnz leave_to_user
    POP_ALL REGS
    mov rsp, [rsp + frame.rsp - frame.vector]
    swapgs
    o64 sysret

; void return_to_user(struct trapframe *f)
global return_to_user
return_to_user:
    cli
    mov rsp, rdi
    xor ebp, ebp
    call trap_exit_to_user ; takes f in rdi
    jmp leave_to_user
