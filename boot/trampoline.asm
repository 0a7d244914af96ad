; Start-up code of the other CPUs. smp_start_all() copies trampoline_start .. trampoline_end to
; TRAMPOLINE_PA; a STARTUP IPI starts a CPU there in real mode with CS:IP = 0x0800:0. It goes to
; long mode in one step with the boot tables, and on to the kernel's at the high address.

default rel

KERNEL_BASE     equ 0xffffffff80000000  ; arch/x86/layout.h
TRAMPOLINE_PA   equ 0x8000              ; arch/x86/platform.h

%define PHYS(symbol) ((symbol) - KERNEL_BASE)
%define LOW(label)   (TRAMPOLINE_PA + (label) - trampoline_start)

CR0_START       equ 0x80010011          ; PG, WP, ET, PE; caches on (INIT leaves CD and NW set)
CR4_PAE         equ 1 << 5
MSR_EFER        equ 0xc0000080
EFER_LME_NXE    equ 1 << 8 | 1 << 11

extern boot_pml4, boot_gdt, boot_gdt_ptr

section .rodata
bits 16
global trampoline_start, trampoline_end
trampoline_start:
    cli
    xor ax, ax
    mov ds, ax
    o32 lgdt [LOW(gdt_ptr)]
    mov eax, CR4_PAE
    mov cr4, eax
    mov eax, PHYS(boot_pml4)
    mov cr3, eax
    mov ecx, MSR_EFER
    rdmsr
    or eax, EFER_LME_NXE
    wrmsr
    mov eax, CR0_START
    mov cr0, eax
    jmp dword 0x08:LOW(long_mode)

bits 64
long_mode:
    mov rax, ap_high
    jmp rax

gdt_ptr:
    dw 3 * 8 - 1
    dd PHYS(boot_gdt)
trampoline_end:

; struct ap_boot of arch/x86/smp.c
extern ap_boot
AP_STACK        equ 0
AP_CR3          equ 8
AP_APIC_ID      equ 16

section .text
extern ap_main
ap_high:
    lgdt [boot_gdt_ptr]
    xor eax, eax
    mov ss, ax
    mov ds, ax
    mov es, ax
    ; Only the CPU that is expected may take the stack, and once: one that was given up and comes
    ; late stays here.
    mov eax, 1
    cpuid
    shr ebx, 24                         ; initial APIC id (SDM vol. 2, CPUID leaf 1)
    cmp ebx, [ap_boot + AP_APIC_ID]
    jne .stay
    xor eax, eax
    xchg rax, [ap_boot + AP_STACK]
    test rax, rax
    jz .stay
    mov rcx, [ap_boot + AP_CR3]         ; first: the stack is mapped only there
    mov cr3, rcx
    mov rsp, rax
    xor ebp, ebp
    call ap_main
    ud2                                 ; ap_main() does not return
.stay:
    cli
    hlt
    jmp .stay
