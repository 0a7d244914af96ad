; The switch between two kernel stacks.

section .text

; void context_switch(u64 *save_rsp, u64 load_rsp)
; What the C calling convention lets a function destroy is dead here; the rest is pushed.
global context_switch
context_switch:
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    mov [rdi], rsp
    mov rsp, rsi
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret

; Where the first switch to a stack made by context_prepare() returns to: r12(r13).
global context_start
context_start:
    mov rdi, r13
    call r12
    ud2 ; a task's first function does not return
