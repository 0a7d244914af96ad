; SYSCALL, a new task's first step into ring 3, and a program's selectors. All of it is protected
; text, as entry.asm is.

default rel

; arch/x86/trap.h has the same numbers.
USER_DS         equ 0x2b
USER_CS         equ 0x33
VECTOR_SYSCALL  equ 256
RFLAGS_TF_RF    equ 1 << 8 | 1 << 16

%include "arch/x86/entry.inc"

extern trap_syscall, trap_first_exit, leave_to_user

section .text.protected progbits alloc exec nowrite align=16

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

    ; SYSRET is faster, but it loads rip from rcx and rflags from r11, and drops RF. It also lets TF
    ; trap before the next instruction instead of after it. Any of these: IRETQ. (It also traps in
    ; ring 0 on a rip that is not canonical, which trap_exit_to_user() has seen to.)
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
    call trap_first_exit ; takes f in rdi
    jmp leave_to_user

; void context_load_selectors(u64 selectors)
; DS, ES, FS, GS, sixteen bits each. A selector loads its segment's base, too, so GS is loaded where
; the program's base is.
global context_load_selectors
context_load_selectors:
    mov ds, edi
    shr rdi, 16
    mov es, edi
    shr rdi, 16
    mov fs, edi
    shr rdi, 16
    swapgs
    mov gs, edi
    swapgs
    ret
