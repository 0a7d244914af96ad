// Registers and pages for samples. See machine.h.
#include "arch/x86/user/paging_user.h"
#include "linux/mm/vm.h"
#include "linux/perf/abi.h"
#include "linux/perf/machine.h"
#include "linux/perf/words.h"

const struct trapframe *perf_user_regs(const struct trapframe *regs)
{
    struct task *t = current_task();
    if (from_user(regs))
        return regs;
    return t && t->mm ? context_user_frame(&t->arch) : NULL;
}

void perf_put_regs(struct words *w, u64 mask, const struct trapframe *regs)
{
#define REG(name) offsetof(struct trapframe, name)
    static const u8 offset[24] = {
        REG(rax), REG(rbx),    REG(rcx), REG(rdx), REG(rsi), REG(rdi), REG(rbp), REG(rsp),
        REG(rip), REG(rflags), REG(cs),  REG(ss),  0,        0,        0,        0,
        REG(r8),  REG(r9),     REG(r10), REG(r11), REG(r12), REG(r13), REG(r14), REG(r15),
    };
#undef REG
    put_word(w, regs ? PERF_SAMPLE_REGS_ABI_64 : PERF_SAMPLE_REGS_ABI_NONE);
    for (mask &= PERF_REGS_KNOWN; regs && mask; mask &= mask - 1)
        put_word(w, *(const u64 *)((const u8 *)regs + offset[__builtin_ctzll(mask)]));
}

u64 perf_phys_addr(u64 addr)
{
    const struct task *t = current_task();
    u64 pa, flags;
    return t && t->mm && paging_lookup(t->mm->root, addr, &pa, &flags) ? pa : 0;
}

u64 perf_page_size(u64 addr)
{
    return addr < TASK_SIZE_MAX && perf_phys_addr(addr) ? PAGE_SIZE : 0;
}
