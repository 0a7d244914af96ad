// From CPU exceptions to signals, with Linux's si_code and si_addr.

#include "arch/x86/user/fpu.h"
#include "arch/x86/user/upcalls.h"
#include "linux/mm/vm.h"
#include "linux/proc/oom.h"
#include "linux/ptrace/ptrace.h"
#include "linux/perf/perf.h"

// Exception flags of x87 and SSE. They have the same bits in the x87 status word (SDM vol. 1,
// 8.1.3) and in MXCSR (10.2.3).
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

// The si_code for the unmasked condition that has the highest priority for the CPU. 0: there is
// none.
static int float_code(u64 vector)
{
    struct fpu_state s;
    fpu_save_current(&s);
    u32 flags = vector == TRAP_MF ? s.fsw & ~s.fcw : s.mxcsr & ~(s.mxcsr >> MXCSR_MASK_BIT);
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
    static const struct {
        int sig, code;
        bool has_addr; // si_addr is the address of the instruction, otherwise 0
    } table[] = {
        [TRAP_DE] = {SIGFPE, FPE_INTDIV, true},  [TRAP_BP] = {SIGTRAP, SI_KERNEL, false},
        [TRAP_UD] = {SIGILL, ILL_ILLOPN, true},  [TRAP_MF] = {SIGFPE, 0, true},
        [TRAP_XM] = {SIGFPE, 0, true},           [TRAP_AC] = {SIGBUS, BUS_ADRALN, false},
        [TRAP_NP] = {SIGBUS, SI_KERNEL, false},  [TRAP_SS] = {SIGBUS, SI_KERNEL, false},
        [TRAP_OF] = {SIGSEGV, SI_KERNEL, false}, [TRAP_BR] = {SIGSEGV, SI_KERNEL, false},
        [TRAP_TS] = {SIGSEGV, SI_KERNEL, false}, [TRAP_GP] = {SIGSEGV, SI_KERNEL, false},
    };
    u64 v = f->vector;
    remember(f, 0);
    if (v >= ARRAY_SIZE(table) || !table[v].sig)
        panic_trap(f, 0); // #NM, #CP: never enabled
    int code = table[v].code ? table[v].code : float_code(v);
    if (code) // 0: the program cleared the cause before the exception came
        signal_force_fault(table[v].sig, code, table[v].has_addr ? f->rip : 0);
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

// All faults are minor ones, because no page has to be read from a disk.
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
    u64 ended = oom_count();
    int err = mm && addr < TASK_SIZE_MAX ? mm_fault(mm, addr, f->error) : -EFAULT;
    if (!err || (err == -ENOMEM && oom_make_room(ended, from_user(f))))
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
    case -ENOSPC:
        signal_force_fault(SIGBUS, BUS_ADRERR, addr);
        break;
    case -ENOMEM: // this program itself had to end
        break;
    default:
        panic("page fault at 0x%lx: unexpected result %d", addr, err);
    }
    return false;
}
