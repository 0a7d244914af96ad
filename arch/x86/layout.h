// The address space: where things live, and the symbols that linker.ld defines. The NASM files
// cannot include this header; they repeat the three numbers that they need, and say so.
//
//   0000'0000'0000'0000 - 0000'7fff'ffff'efff   user programs (TASK_SIZE_MAX)
//   ffff'8880'0000'0000 -                       physical memory, at PHYS_BASE + address (RW, NX)
//   ffff'c800'0000'0000 -                       device registers, uncached (MMIO_BASE)
//   ffff'c900'0000'0000 -                       kernel stacks over guard pages (KSTACK_BASE)
//   ffff'ffff'8000'0000 -                       the kernel image, at KERNEL_BASE + physical address
#pragma once

#include "arch/x86/types.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ull
#define PAGE_MASK  (~(PAGE_SIZE - 1))

#define MAX_CPUS 64

#define TASK_SIZE_MAX 0x00007ffffffff000ull
#define PHYS_BASE     0xffff888000000000ull
#define MMIO_BASE     0xffffc80000000000ull
#define KSTACK_BASE   0xffffc90000000000ull
#define KSTACK_END    0xffffc98000000000ull
#define KERNEL_BASE   0xffffffff80000000ull

#define KSTACK_SIZE   (4 * PAGE_SIZE)
#define KSTACK_STRIDE (8 * PAGE_SIZE) // stack at the top of its stride, the rest unmapped

static inline void *phys_to_virt(u64 pa)
{
    return (void *)(pa + PHYS_BASE);
}

// Valid for addresses from phys_to_virt() and for addresses inside the kernel image.
static inline u64 virt_to_phys(const void *va)
{
    u64 a = (u64)va;
    return a >= KERNEL_BASE ? a - KERNEL_BASE : a - PHYS_BASE;
}

// The top of the kernel stack in whose stride addr lies (mapped or guard); 0 elsewhere.
static inline u64 kstack_top(u64 addr)
{
    return addr >= KSTACK_BASE && addr < KSTACK_END ? (addr | (KSTACK_STRIDE - 1)) + 1 : 0;
}

extern char __kernel_start[], __kernel_end[];
extern char __text_start[], __text_end[], __rodata_start[], __rodata_end[];
extern char __data_start[], __data_end[];
extern char __protected_text_start[], __protected_text_end[];
extern char __protected_data_start[], __protected_data_end[];
