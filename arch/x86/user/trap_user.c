// Ring 3: system calls, exceptions of programs, and the last work before a program goes on.
#include "arch/x86/user/user_regs.h"
#include "arch/x86/exit.h"
#include "arch/x86/user/paging_user.h"
#include "arch/x86/user/upcalls.h"

// CPUID bits (SDM vol. 2, CPUID).
#define CPUID_7_EBX_SMEP BIT(7)
#define CPUID_7_EBX_SMAP BIT(20)
#define CPUID_7_ECX_UMIP BIT(2)

// Descriptors (SDM vol. 3, 3.4.5).
#define DESC_USER_DATA 0x00cff3000000ffffull
#define DESC_USER_CODE 0x00affb000000ffffull

// SYSRET loads SS from this + 8, CS from this + 16, both with RPL 3.
#define SYSRET_SELECTOR_BASE (USER_DS - 8)

// Cleared on SYSCALL, so that the kernel starts with known flags whatever the program had.
#define SYSCALL_FLAGS                                                                              \
    (RFLAGS_CF | RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_RF |         \
     RFLAGS_AC)

void syscall_entry(void); // user.asm

// Programs may use SSE. Where the CPU can help, the kernel neither executes nor reads by mistake
// what is theirs (SMEP, SMAP). And they do not see where its tables are (UMIP).
static void set_cr4(void)
{
    struct cpu_features *f = &cpu_features;
    u32 r[4];
    cpuid(0, 0, r);
    if (r[0] >= 7) {
        cpuid(7, 0, r);
        f->smep = r[1] & CPUID_7_EBX_SMEP;
        f->smap = r[1] & CPUID_7_EBX_SMAP;
        f->umip = r[2] & CPUID_7_ECX_UMIP;
    }
    write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT | (f->umip ? CR4_UMIP : 0) |
              (f->smep ? CR4_SMEP : 0) | (f->smap ? CR4_SMAP : 0));
}

void cpu_init_user(void)
{
    u64 *gdt = this_cpu()->gdt;
    gdt[USER_DS / 8] = DESC_USER_DATA;
    gdt[USER_CS / 8] = DESC_USER_CODE;
    set_cr4();
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
    wrmsr(MSR_STAR, (u64)SYSRET_SELECTOR_BASE << 48 | (u64)KERNEL_CS << 32);
    wrmsr(MSR_LSTAR, (u64)syscall_entry);
    wrmsr(MSR_FMASK, SYSCALL_FLAGS);
}

// IRETQ to such an address would fault in ring 0.
static bool goes_nowhere(const struct trapframe *f)
{
    return unlikely(upper_half(f->rip)) && !is_canonical(f->rip);
}

// First comes the work that a #DB has left. Then tasks are switched and signals delivered until
// neither is due.
static void work_until_none(struct trapframe *f)
{
    do {
        perf_debug_return();
        if (need_resched())
            sched_irq_exit();
        irq_enable();
        if (goes_nowhere(f)) {
            f->vector = TRAP_GP;
            f->error = 0;
            user_exception(f);
        }
        user_return(f);
        irq_disable();
        cpu_clear_due(DUE_RETURN); // first: whatever becomes due from now on sets it again
    } while (need_resched() || user_return_due() || goes_nowhere(f));
}

void trap_work_before_user(struct trapframe *f)
{
    if (THIS_CPU->due || upper_half(f->rip))
        work_until_none(f);
    if (DEBUG_BUILD && (preempt_count() || this_cpu()->irq_depth))
        panic("return to ring 3 with preempt_count %u, irq_depth %u", preempt_count(),
              this_cpu()->irq_depth);
    stretch_ends(HOLDUP_IRQS);
}

// From user.asm, IRQs off: a new task's first step into ring 3.
void trap_first_exit(struct trapframe *f)
{
    trap_exit_to_user(f);
}

// From user.asm, IRQs off.
void trap_syscall(struct trapframe *f)
{
    irq_enable();
    syscall_dispatch(f);
    irq_disable();
    trap_exit_to_user(f);
}

void trap_from_user(struct trapframe *f, u64 cr2)
{
    if (f->vector != TRAP_PF && exception_taken(f))
        return;
    irq_enable();
    if (f->vector == TRAP_PF)
        user_page_fault(f, cr2);
    else
        user_exception(f);
    irq_disable();
}

void trap_debug_from_user(struct trapframe *f, u64 left)
{
    perf_debug_return();
    irq_enable();
    user_debug_trap(f, left);
    irq_disable();
}
