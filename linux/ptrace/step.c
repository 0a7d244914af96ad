// Single steps: the tracer's TF in a frame, and what a #DB means.
#include "linux/mm/vm.h"
#include "linux/ptrace/tracee.h"

// The next instruction is POPF or IRET, behind any prefixes (SDM vol. 2, 2.1.1 and 2.2.1): what TF
// is behind it is the program's own.
static bool loads_tf(const struct thread *th, u64 rip)
{
    u8 code[15];
    struct mm *mm = process_mm(th->task->process);
    ssize_t n = mm ? mm_access(mm, rip, code, sizeof(code), false, true) : 0;
    if (mm)
        mm_put(mm);
    for (ssize_t i = 0; i < n; i++) {
        switch (code[i]) {
        case 0x9d: // POPF
        case 0xcf: // IRET
            return true;
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
            return false;
        }
    }
    return false;
}

void ptrace_set_step(struct thread *th, bool on)
{
    struct trapframe *f = context_user_frame(&th->task->arch);
    if (on) {
        th->step_tf = (th->step_tf || !(f->rflags & RFLAGS_TF)) && !loads_tf(th, f->rip);
        f->rflags |= RFLAGS_TF;
        th->trace |= TRACE_STEP;
        return;
    }
    if (th->step_tf)
        f->rflags &= ~RFLAGS_TF;
    th->step_tf = false;
    th->trace &= ~TRACE_STEP;
}

u64 ptrace_debug_causes(u64 dr6)
{
    struct process *p = current_process();
    struct thread *th = current_thread();
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    struct tracee *tr = th->tracee;
    if (tr) {
        tr->debug.virtual = tr->debug.hits | (dr6 & DR6_BS);
        tr->debug.hits = 0;
    } else {
        dr6 &= ~DR6_SLOTS;
        if (th->step_tf) {
            ptrace_set_step(th, false);
            dr6 &= ~DR6_BS;
        }
    }
    spin_unlock_irqrestore(&p->signal_lock, flags);
    return dr6;
}
