// What a program leaves in the CPU: SSE state, selectors, FS and GS base.
#include "arch/x86/user/fpu.h"
#include "arch/x86/user/user_regs.h"
#include "arch/x86/upcalls.h"

// Values after reset (SDM vol. 1, 8.1.5 and 11.6.4).
#define FCW_DEFAULT        0x037f
#define MXCSR_DEFAULT      0x1f80u
#define MXCSR_MASK_DEFAULT 0xffbfu // when the CPU reports 0

// The bases are read back since a program may also change them by loading a selector.
void context_leave_user(struct arch_task *prev)
{
    fpu_save_current(prev->fpu);
    prev->fs_base = rdmsr(MSR_FS_BASE);
    prev->gs_base = rdmsr(MSR_KERNEL_GS_BASE);
    prev->selectors = context_selectors();
    if (unlikely(prev->selectors))
        context_load_selectors(0);
}

void context_enter_user(struct arch_task *next)
{
    fpu_load_current(next->fpu);
    if (unlikely(next->selectors))
        context_load_selectors(next->selectors); // before the bases
    wrmsr(MSR_FS_BASE, next->fs_base);
    wrmsr(MSR_KERNEL_GS_BASE, next->gs_base);
}

static const struct fpu_state fresh = {.fcw = FCW_DEFAULT, .mxcsr = MXCSR_DEFAULT};

void fpu_init_state(struct fpu_state *s)
{
    *s = fresh;
}

void fpu_reset_current(void)
{
    fpu_load_current(&fresh);
}

void fpu_save_current(struct fpu_state *s)
{
    __asm__ volatile("fxsave64 %0" : "=m"(*s));
}

void fpu_load_current(const struct fpu_state *s)
{
    __asm__ volatile("fxrstor64 %0" ::"m"(*s));
}

void fpu_sanitize(struct fpu_state *s)
{
    struct fpu_state now;
    fpu_save_current(&now);
    s->mxcsr &= now.mxcsr_mask ? now.mxcsr_mask : MXCSR_MASK_DEFAULT;
}
