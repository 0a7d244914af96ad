; Into a guest and back (AMD APM vol. 2, 15.5). The C side is arch/x86/svm.c.

section .text.protected progbits alloc exec nowrite align=16

struc registers ; struct svm_registers
    .rax:  resq 1
    .rcx:  resq 1
    .rdx:  resq 1
    .rbx:  resq 1
    .rsp:  resq 1
    .rbp:  resq 1
    .rsi:  resq 1
    .rdi:  resq 1
    .r8:   resq 1
    .r9:   resq 1
    .r10:  resq 1
    .r11:  resq 1
    .r12:  resq 1
    .r13:  resq 1
    .r14:  resq 1
    .r15:  resq 1
endstruc

%define REGS rcx, rdx, rbx, rbp, rdi, r8, r9, r10, r11, r12, r13, r14, r15, rsi

%macro LOAD_FROM_RSI 1-* ; rsi itself comes last
    %rep %0
    mov %1, [rsi + registers. %+ %1]
        %rotate 1
    %endrep
%endmacro

%macro SAVE_TO_RAX 1-*
    %rep %0
    mov [rax + registers. %+ %1], %1
        %rotate 1
    %endrep
%endmacro

; void svm_enter(u64 vmcb_pa, struct svm_registers *regs, u64 host_pa)
;
; IRQs off and GIF clear, also on return: nothing interrupts the host in here. The interrupt flag is
; on meanwhile, because VMRUN takes it for the host's. An interrupt that the host would take ends
; the guest.
;
; VMRUN and #VMEXIT exchange rax, rsp, rip, flags, CS, DS, ES, SS, GDTR, IDTR, control registers,
; DR6 and DR7 through the VMCB. VMSAVE and VMLOAD exchange FS, GS, TR, LDTR and what SYSCALL needs.
; They take the address in rax, as VMRUN does. The host's values stay in the page host_pa. The other
; registers go through *regs.
global svm_enter
svm_enter:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    push rdi
    push rdx
    push rsi
    sti
    mov rax, rdx
    vmsave
    mov rax, rdi
    LOAD_FROM_RSI REGS
    vmload
    vmrun ; comes back here, with rax and rsp as they are now
    cli
    vmsave
    mov rax, [rsp + 8] ; host_pa
    vmload
    mov rax, [rsp] ; regs
    SAVE_TO_RAX REGS
    add rsp, 24
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret
