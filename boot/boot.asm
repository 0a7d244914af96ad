; From the loader's 32-bit state to kernel_main(magic, mbi) in 64 bits at the high address.
;
; Two ways lead to boot_start, both with flat 32-bit segments and paging off: a multiboot2 loader
; (specification 2.0, 3.3), and QEMU's -kernel through the PVH note. The second brings no multiboot
; information; kernel_main() sees that by the magic and says so.

default rel

KERNEL_BASE     equ 0xffffffff80000000  ; arch/x86/layout.h
PHYS_PML4_SLOT  equ 273                 ; of PHYS_BASE: bits 47..39
KERNEL_PML4_SLOT equ 511                ; of KERNEL_BASE
KERNEL_PDPT_SLOT equ 510                ; bits 38..30
BOOT_PDS        equ 4                   ; arch/x86/paging.h has the end of what they map

%define PHYS(symbol) ((symbol) - KERNEL_BASE)

; ---- headers ----

MB2_MAGIC       equ 0xe85250d6
MB2_TAG_END     equ 0
MB2_TAG_ALIGN   equ 6                   ; modules start on a page
MB2_TAG_CONSOLE equ 4
MB2_CONSOLE_VGA_TEXT equ 2
MB2_TAG_FRAMEBUFFER equ 5               ; where there is no VGA text
MB2_OPTIONAL    equ 1

section .multiboot progbits alloc noexec nowrite align=8
mb2_header:
    dd MB2_MAGIC, 0, mb2_end - mb2_header
    dd -(MB2_MAGIC + 0 + (mb2_end - mb2_header)) & 0xffffffff
    dw MB2_TAG_CONSOLE, MB2_OPTIONAL
    dd 12
    dd MB2_CONSOLE_VGA_TEXT
    dd 0
    dw MB2_TAG_FRAMEBUFFER, MB2_OPTIONAL
    dd 20
    dd 0, 0, 0                          ; width, height and depth: as the loader likes
    dd 0
    dw MB2_TAG_ALIGN, 0
    dd 8
    dw MB2_TAG_END, 0
    dd 8
mb2_end:

XEN_ELFNOTE_PHYS32_ENTRY equ 18

section .note.pvh note alloc noexec nowrite align=4
    dd 4, 8, XEN_ELFNOTE_PHYS32_ENTRY
    db "Xen", 0
    dq boot_start

; ---- 32 bits ----

CPUID_EXT_NX    equ 20                  ; bits of leaf 0x80000001, edx (SDM vol. 2, CPUID)
CPUID_EXT_LM    equ 29
EFLAGS_ID       equ 1 << 21

CR0_PG_WP       equ 1 << 31 | 1 << 16
CR4_PAE         equ 1 << 5
MSR_EFER        equ 0xc0000080
EFER_LME_NXE    equ 1 << 8 | 1 << 11

PTE_P_W         equ 3
PTE_P_W_PS      equ 0x83
PTE_NX_HIGH     equ 1 << 31             ; in the upper half of an entry
LARGE_PAGE      equ 1 << 21

section .boot progbits alloc exec nowrite align=16
bits 32
global boot_start
boot_start:
    cli
    cld
    mov esp, PHYS(boot_stack_top)
    push ebx
    push eax

    ; A CPU on which the ID flag is stuck has no CPUID, so no long mode either.
    pushfd
    pop eax
    mov ecx, eax
    xor eax, EFLAGS_ID
    push eax
    popfd
    pushfd
    pop eax
    mov esi, PHYS(no_long_mode)
    cmp eax, ecx
    je refuse
    mov eax, 0x80000000
    cpuid
    cmp eax, 0x80000001
    jb refuse
    mov eax, 0x80000001
    cpuid
    bt edx, CPUID_EXT_LM
    jnc refuse
    mov esi, PHYS(no_nx)
    bt edx, CPUID_EXT_NX
    jnc refuse
    rdtsc
    mov [PHYS(boot_tsc)], eax
    mov [PHYS(boot_tsc) + 4], edx

    ; Page directories for the first 4 GiB serve three mappings: identity, direct map (not
    ; executable) and, the first of them, kernel image. .bss is zero, so only what is present is
    ; written.
    mov edi, PHYS(boot_pd)
    mov eax, PTE_P_W_PS
.fill:
    mov [edi], eax
    add edi, 8
    add eax, LARGE_PAGE
    cmp edi, PHYS(boot_pd) + BOOT_PDS * 4096
    jb .fill
    mov edi, PHYS(boot_pdpt)
    mov eax, PHYS(boot_pd) + PTE_P_W
.directories:
    mov [edi], eax
    add edi, 8
    add eax, 4096
    cmp edi, PHYS(boot_pdpt) + BOOT_PDS * 8
    jb .directories
    mov dword [PHYS(boot_pdpt) + 8 * KERNEL_PDPT_SLOT], PHYS(boot_pd) + PTE_P_W
    mov dword [PHYS(boot_pml4)], PHYS(boot_pdpt) + PTE_P_W
    mov dword [PHYS(boot_pml4) + 8 * KERNEL_PML4_SLOT], PHYS(boot_pdpt) + PTE_P_W
    mov dword [PHYS(boot_pml4) + 8 * PHYS_PML4_SLOT], PHYS(boot_pdpt) + PTE_P_W
    mov dword [PHYS(boot_pml4) + 8 * PHYS_PML4_SLOT + 4], PTE_NX_HIGH

    mov eax, cr4
    or eax, CR4_PAE
    mov cr4, eax
    mov eax, PHYS(boot_pml4)
    mov cr3, eax
    mov ecx, MSR_EFER
    rdmsr
    or eax, EFER_LME_NXE
    wrmsr
    mov eax, cr0
    or eax, CR0_PG_WP
    mov cr0, eax
    pop edi
    pop esi
    lgdt [PHYS(boot_gdt_ptr32)]
    jmp 0x08:boot_long

bits 64
boot_long:
    mov rax, boot_high
    jmp rax

; ---- refusing, still in 32 bits: esi = message ----

COM1            equ 0x3f8
COM_LSR         equ 5
LSR_THRE        equ 0x20
LSR_SENT        equ 0x40
VGA_TEXT        equ 0xb8000
VGA_CELLS       equ 80 * 25
DEBUG_EXIT_PORT equ 0xf4                ; arch/x86/power.c has the same three
QEMU_PM1A_PORT  equ 0x604
BOCHS_OFF_PORT  equ 0x8900

bits 32
refuse:
    mov edi, VGA_TEXT
    mov ecx, VGA_CELLS
    mov ax, 0x0720                      ; blank, grey on black
    rep stosw
    mov edi, VGA_TEXT
    mov dx, COM1 + 3                    ; 8 data bits, no parity, the loader's speed
    mov al, 3
    out dx, al
.next:
    lodsb
    test al, al
    jz .off
    mov bl, al
    mov ecx, 100000                     ; a port that never gets ready is not waited for
.wait:
    mov dx, COM1 + COM_LSR
    in al, dx
    test al, LSR_THRE
    loopz .wait
    mov al, bl
    mov dx, COM1
    out dx, al
    cmp al, ' '
    jb .next                            ; the line end is for the serial line only
    mov [edi], al
    add edi, 2
    jmp .next
.off:
    mov ecx, 100000                     ; an emulator drops what is not sent yet
    mov dx, COM1 + COM_LSR
.drain:
    in al, dx
    test al, LSR_SENT
    loopz .drain
    mov al, 1                           ; failing status
    out DEBUG_EXIT_PORT, al
    mov dx, QEMU_PM1A_PORT
    mov ax, 0x2000
    out dx, ax
    mov esi, PHYS(bochs_off)
    mov ecx, 8
    mov dx, BOCHS_OFF_PORT
    rep outsb
.halt:
    cli
    hlt
    jmp .halt

; ---- 64 bits, high address ----

section .text
bits 64
extern kernel_main
boot_high:
    lgdt [boot_gdt_ptr]
    mov ax, 0x10
    mov ss, ax
    mov ds, ax
    mov es, ax
    mov rsp, boot_stack_top
    xor ebp, ebp                        ; ends every backtrace
    mov edi, edi                        ; the upper halves are undefined after the mode switch
    mov esi, esi
    call kernel_main
    ud2                                 ; kernel_main() does not return

section .rodata
no_long_mode:   db "dr7: this CPU has no long mode; a 64-bit x86 CPU is needed", 13, 10, 0
no_nx:          db "dr7: this CPU has no NX; pages that cannot be executed are needed", 13, 10, 0
bochs_off:      db "Shutdown"

; Only until cpu_init() loads the CPU's own; with the same selectors (arch/x86/trap.h).
global boot_gdt, boot_gdt_ptr
align 8
boot_gdt:
    dq 0
    dq 0x00af9b000000ffff               ; 0x08: code, 64 bits, accessed
    dq 0x00cf93000000ffff               ; 0x10: data
BOOT_GDT_LIMIT equ $ - boot_gdt - 1
boot_gdt_ptr32:
    dw BOOT_GDT_LIMIT
    dd PHYS(boot_gdt)
boot_gdt_ptr:
    dw BOOT_GDT_LIMIT
    dq boot_gdt

section .bss align=4096
global boot_tsc, boot_pml4, boot_stack_guard, boot_stack, boot_stack_top
boot_pml4:        resb 4096
boot_pdpt:        resb 4096
boot_pd:          resb BOOT_PDS * 4096
boot_tsc:         resq 1                ; when the kernel was entered (arch/x86/clock.c)

; CPU 0's idle task stays on it, so like every kernel stack it must not be watched.
section .bss.protected nobits alloc noexec write align=4096
boot_stack_guard: resb 4096             ; paging_init() leaves this page unmapped
boot_stack:       resb 16384
boot_stack_top:
