// Single steps: how a tracer sets TF in the tracee's frame, and what a #DB means then.
#include "linux/mm/vm.h"
#include "linux/ptrace/tracee.h"

enum tf_use { TF_UNUSED, TF_LOADED, TF_PUSHED };

// What the instruction at rip, after any prefixes (SDM vol. 2, 2.1.1 and 2.2.1), does with TF.
// TF_LOADED: TF is the program's own after the instruction.
static enum tf_use tf_use(const struct thread *th, u64 rip)
{
    u8 code[15];
    struct mm *mm = process_mm(th->task->process);
    ssize_t n = mm ? mm_access(mm, rip, code, sizeof(code), false, true) : 0;
    mm_put(mm);
    for (ssize_t i = 0; i < n; i++) {
        switch (code[i]) {
        case 0x9c: // PUSHF
            return TF_PUSHED;
        case 0x9d: // POPF
        case 0xcf: // IRET
            return TF_LOADED;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0x40 ... 0x4f: // REX
        case 0x64 ... 0x67:
        case 0xf0:
        case 0xf2:
        case 0xf3:
            break;
        default:
            return TF_UNUSED;
        }
    }
    return TF_UNUSED;
}

void ptrace_set_step(struct thread *th, bool on)
{
    struct trapframe *f = context_user_frame(&th->task->arch);
    u32 old =
        __atomic_fetch_and(&th->trace, ~(TRACE_STEP | TRACE_TF | TRACE_PUSHES), __ATOMIC_RELAXED);
    if (old & TRACE_TF)
        f->rflags &= ~RFLAGS_TF;
    if (!on)
        return;
    enum tf_use use = tf_use(th, f->rip);
    u32 new = TRACE_STEP;
    if (!(f->rflags & RFLAGS_TF) && use != TF_LOADED)
        new |= TRACE_TF | (use == TF_PUSHED ? TRACE_PUSHES : 0);
    f->rflags |= RFLAGS_TF;
    __atomic_fetch_or(&th->trace, new, __ATOMIC_RELAXED);
}

// The running thread has stepped over PUSHF, which pushed the tracer's TF. This clears TF in
// memory. TF is in the second byte, whatever the operand's size. It is not done by a user copy,
// which would hit a watchpoint there.
static void hide_pushed_tf(struct thread *th)
{
    const struct trapframe *f = context_user_frame(&th->task->arch);
    u8 byte;
    __atomic_fetch_and(&th->trace, ~TRACE_PUSHES, __ATOMIC_RELAXED);
    if (mm_access(th->task->mm, f->rsp + 1, &byte, 1, false, false) != 1)
        return; // another thread has unmapped it
    byte &= ~(RFLAGS_TF >> 8);
    mm_access(th->task->mm, f->rsp + 1, &byte, 1, true, false);
}

u64 ptrace_debug_causes(u64 dr6)
{
    struct process *p = current_process();
    struct thread *th = current_thread();
    if ((dr6 & DR6_BS) && (th->trace & TRACE_PUSHES))
        hide_pushed_tf(th);
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    th->debug_status = ptrace_take_hits(th) | (dr6 & DR6_BS);
    if (!th->tracee && (th->trace & TRACE_TF)) {
        ptrace_set_step(th, false);
        dr6 &= ~DR6_BS;
    }
    spin_unlock_irqrestore(&p->signal_lock, flags);
    return dr6;
}
