// From CPU exceptions to signals, with Linux's si_code and si_addr.
#include "arch/x86/trap.h"

#include "arch/x86/layout.h"
#include "arch/x86/upcalls.h"
#include "kernel/base/printk.h"
#include "kernel/base/string.h"
#include "kernel/debug/ptrace/ptrace.h"
#include "kernel/mm/vm.h"
#include "perf/event.h"
#include "kernel/proc/process.h"

// FXSAVE image (SDM vol. 1, 10.5.1).
#define FX_FCW   0
#define FX_FSW   2
#define FX_MXCSR 24

// Exception flags of x87 and SSE, at the same bits in both (SDM vol. 1, 8.1.3 and 10.2.3).
#define FP_INVALID     BIT(0)
#define FP_DENORMAL    BIT(1)
#define FP_DIVIDE      BIT(2)
#define FP_OVERFLOW    BIT(3)
#define FP_UNDERFLOW   BIT(4)
#define FP_PRECISION   BIT(5)
#define MXCSR_MASK_BIT 7 // mask bits start here

static void remember(const struct trapframe *f, u64 cr2)
{
    struct thread *th = current_thread();
    th->trap_vector = f->vector;
    th->trap_error = f->error;
    if (f->vector == TRAP_PF)
        th->trap_cr2 = cr2;
}

// The si_code of the unmasked condition that came first in the CPU's order of priority; 0: none.
static int float_code(u64 vector)
{
    struct fpu_state s;
    u16 control, status;
    u32 mxcsr, flags;
    fpu_save_current(&s);
    memcpy(&control, s.image + FX_FCW, sizeof(control));
    memcpy(&status, s.image + FX_FSW, sizeof(status));
    memcpy(&mxcsr, s.image + FX_MXCSR, sizeof(mxcsr));
    flags = vector == TRAP_MF ? status & ~control : mxcsr & ~(mxcsr >> MXCSR_MASK_BIT);
    if (flags & FP_INVALID)
        return FPE_FLTINV;
    if (flags & FP_DIVIDE)
        return FPE_FLTDIV;
    if (flags & FP_OVERFLOW)
        return FPE_FLTOVF;
    if (flags & (FP_UNDERFLOW | FP_DENORMAL))
        return FPE_FLTUND;
    return flags & FP_PRECISION ? FPE_FLTRES : 0;
}

void user_exception(struct trapframe *f)
{
    int code;
    remember(f, 0);
    switch (f->vector) {
    case TRAP_DE:
        signal_force_fault(SIGFPE, FPE_INTDIV, f->rip);
        break;
    case TRAP_BP:
        signal_force_fault(SIGTRAP, SI_KERNEL, 0);
        break;
    case TRAP_UD:
        signal_force_fault(SIGILL, ILL_ILLOPN, f->rip);
        break;
    case TRAP_MF:
    case TRAP_XM:
        code = float_code(f->vector);
        if (code) // else the program has cleared the cause before the exception came
            signal_force_fault(SIGFPE, code, f->rip);
        break;
    case TRAP_AC:
        signal_force_fault(SIGBUS, BUS_ADRALN, 0);
        break;
    case TRAP_NP:
    case TRAP_SS:
        signal_force_fault(SIGBUS, SI_KERNEL, 0);
        break;
    case TRAP_OF:
    case TRAP_BR:
    case TRAP_TS:
    case TRAP_GP:
        signal_force_fault(SIGSEGV, SI_KERNEL, 0);
        break;
    default:
        panic_trap(f, 0); // #NM, #CP: never enabled
    }
}

void user_debug_trap(struct trapframe *f, u64 dr6)
{
    int code = TRAP_BRKPT; // INT1 leaves no bit
    u64 causes = ptrace_debug_causes(dr6);
    if (dr6 && !causes)
        return;
    if (causes & DR6_BS)
        code = TRAP_TRACE;
    else if (causes & DR6_SLOTS)
        code = TRAP_HWBKPT;
    remember(f, 0);
    signal_force_fault(SIGTRAP, code, f->rip);
}

// No page has to be read from anywhere: all faults are minor ones.
static void count_page_fault(struct trapframe *f, u64 addr)
{
    u64 flags = irq_save();
    perf_sw_event(PERF_COUNT_SW_PAGE_FAULTS, 1, f, addr);
    perf_sw_event(PERF_COUNT_SW_PAGE_FAULTS_MIN, 1, f, addr);
    irq_restore(flags);
}

bool user_page_fault(struct trapframe *f, u64 addr)
{
    struct mm *mm = current_task()->mm;
    count_page_fault(f, addr);
    int err = mm && addr < TASK_SIZE_MAX ? mm_fault(mm, addr, f->error) : -EFAULT;
    if (!err)
        return true;
    if (!from_user(f))
        return false;
    remember(f, addr);
    switch (err) {
    case -EFAULT:
        signal_force_fault(SIGSEGV, SEGV_MAPERR, addr);
        break;
    case -EACCES:
        signal_force_fault(SIGSEGV, SEGV_ACCERR, addr);
        break;
    case -EIO:
        signal_force_fault(SIGBUS, BUS_ADRERR, addr);
        break;
    case -ENOMEM: // an access cannot return an error: the program ends, as by Linux's OOM killer
        printk("%s[%u]: out of memory at 0x%lx\n", current_process()->comm, current_process()->pid,
               addr);
        signal_kill_process(current_process(), WAIT_SIGNALED(SIGKILL));
        break;
    default:
        panic("page fault at 0x%lx: unexpected result %d", addr, err);
    }
    return false;
}
