// A small guest that watches itself. To be included in one file of a program.
#pragma once

#include <stdint.h>

// The guest's VMMCALLs: rax is the kind, rdi is the value.
enum { GUEST_EXIT = 0, GUEST_REPORT = 1 };

#define GUEST_BREAKPOINTS 4
#define GUEST_DATA        0x2000 // where the guest has this struct:
struct guest_data {
    uint64_t rounds;                  // set before the guest runs
    uint64_t hits[GUEST_BREAKPOINTS]; // #DBs that named DR0-DR3
    uint64_t stray;                   // #DBs that named none
};
// The accesses in each round that the guest's DR0-DR3 watch.
static const int guest_hits_per_round[GUEST_BREAKPOINTS] = {1, 1, 2, 1};

extern const char guest_image[], guest_image_end[];

// The guest itself: 64-bit code for address 0, ring 0. It has its own GDT and IDT. Its breakpoints
// are DR0: 8 bytes, write; DR1: 4 bytes, write; DR2: 1 byte, read and write; DR3: execute. Its #DB
// handler counts. At the end it reports the four counts and exits.
__asm__(".pushsection .rodata\n"
        ".global guest_image, guest_image_end\n"
        "guest_image:\n"
        "    lgdt 90f - guest_image\n"
        "    lidt 91f - guest_image\n"
        "    mov $0x2100, %eax\n"
        "    mov %rax, %dr0\n"
        "    mov $0x2140, %eax\n"
        "    mov %rax, %dr1\n"
        "    mov $0x2180, %eax\n"
        "    mov %rax, %dr2\n"
        "    mov $50f - guest_image, %eax\n"
        "    mov %rax, %dr3\n"
        "    mov $0x03d906aa, %eax\n" // X; RW, 1; W, 4; W, 8; all enabled; the fixed bit 10 and GE
        "    mov %rax, %dr7\n"
        "    mov 0x2000, %rbx\n"
        "10: mov %rbx, 0x2100\n"
        "    mov %ebx, 0x2140\n"
        "    mov 0x2180, %al\n"
        "    mov %al, 0x2180\n"
        "    mov %rbx, 0x21c0\n" // not watched
        "    call 50f\n"
        "    dec %rbx\n"
        "    jnz 10b\n"
        "    xor %ebx, %ebx\n"
        "20: mov $1, %eax\n"
        "    mov 0x2008(, %rbx, 8), %rdi\n"
        "    vmmcall\n"
        "    inc %ebx\n"
        "    cmp $4, %ebx\n"
        "    jne 20b\n"
        "    xor %eax, %eax\n"
        "    mov 0x2028, %rdi\n"
        "    vmmcall\n"
        "    hlt\n"
        "50: ret\n"
        // #DB
        "60: push %rax\n"
        "    push %rcx\n"
        "    mov %dr6, %rax\n"
        "    test $15, %al\n"
        "    jnz 61f\n"
        "    incq 0x2028\n"
        "61: xor %ecx, %ecx\n"
        "62: bt %ecx, %eax\n"
        "    jnc 63f\n"
        "    incq 0x2008(, %rcx, 8)\n"
        "63: inc %ecx\n"
        "    cmp $4, %ecx\n"
        "    jne 62b\n"
        "    test $8, %al\n"
        "    jz 64f\n"
        "    orl $0x10000, 32(%rsp)\n" // RF: DR3's instruction runs now
        "64: mov $0xffff0ff0, %eax\n"
        "    mov %rax, %dr6\n"
        "    mov %dr7, %rax\n"
        "    mov %rax, %dr7\n"
        "    pop %rcx\n"
        "    pop %rax\n"
        "    iretq\n"
        "    .balign 8\n"
        "80: .quad 0, 0x00af9b000000ffff\n"                       // GDT: code, selector 8
        "81: .quad 0, 0\n"                                        // IDT: none for #DE
        "    .word 60b - guest_image, 8, 0x8e00, 0, 0, 0, 0, 0\n" // #DB
        "90: .word 15\n"
        "    .quad 80b - guest_image\n"
        "91: .word 31\n"
        "    .quad 81b - guest_image\n"
        "guest_image_end:\n"
        ".popsection\n");
