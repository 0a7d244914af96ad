// Copies between the kernel and the running program. An address outside user space or an access
// that faults without remedy gives -EFAULT; the kernel never crashes on a user pointer. Tasks only
// (may fault, and the fault takes the address space's lock: not under that lock).
#pragma once

#include "arch/x86/cpu.h"
#include "arch/x86/extable.h"

// 0 or -EFAULT. On failure a part may have been copied.
int copy_from_user(void *to, u64 from, size_t n);
int copy_to_user(u64 to, const void *from, size_t n);
int clear_user(u64 to, size_t n);

// Copies up to `max` bytes including the NUL. Length without NUL, -EFAULT, or -ENAMETOOLONG when no
// NUL came.
ssize_t strncpy_from_user(char *to, u64 from, size_t max);

// Like copy_from_user, but with page faults refused: usable in interrupt context. 0 or -EFAULT.
int copy_from_user_atomic(void *to, u64 from, size_t n);

// Between the FPU's registers and an FXSAVE image at a multiple of 16. 0 or -EFAULT: not accessible
// or, loading, refused by the CPU; the registers are then undefined.
int fpu_save_user(u64 to);
int fpu_load_user(u64 from);

static inline bool user_range_ok(u64 addr, u64 n)
{
    return n <= TASK_SIZE_MAX && addr <= TASK_SIZE_MAX - n;
}

// Bytes of [addr, addr + n) in its first page. What is copied in such pieces comes to the last byte
// before a page that is missing.
static inline size_t user_piece(u64 addr, size_t n)
{
    return MIN(n, PAGE_SIZE - addr % PAGE_SIZE);
}

// For many single words of 64 or 32 bits: between begin and end, with user_range_ok() asked before,
// nothing but these three touches user memory. A fault without remedy jumps to the label `fault`
// (which ends the access, too).
static inline void user_access_begin(void)
{
    if (likely(cpu_features.smap))
        __asm__ volatile("stac" ::: "memory", "cc");
}

static inline void user_access_end(void)
{
    if (likely(cpu_features.smap))
        __asm__ volatile("clac" ::: "memory", "cc");
}

// clang-format off
#define put_user_word(value, addr, fault)                                                          \
    __asm__ goto("1: movq %1, %0\n" EXTABLE(1b, %l2)                                               \
                 : "=m"(*(u64 *)(addr)) : "er"((u64)(value)) : : fault)
#define put_user_half(value, addr, fault)                                                          \
    __asm__ goto("1: movl %1, %0\n" EXTABLE(1b, %l2)                                               \
                 : "=m"(*(u32 *)(addr)) : "er"((u32)(value)) : : fault)
#define get_user_word(value, addr, fault)                                                          \
    __asm__ goto("1: movq %1, %0\n" EXTABLE(1b, %l2)                                               \
                 : "=r"(value) : "m"(*(const u64 *)(addr)) : : fault)
// clang-format on

#define get_user(val, addr) copy_from_user(&(val), (addr), sizeof(val))
#define put_user(val, addr) copy_to_user((addr), &(val), sizeof(val))
