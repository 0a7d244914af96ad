// A tracee's registers: in its frame at the top of its kernel stack, and what the switch has saved.
#include "arch/x86/uaccess.h"
#include "kernel/base/string.h"
#include "linux/fs/syscalls.h"
#include "linux/mm/vm.h"
#include "linux/ptrace/tracee.h"

#define VECTOR_NONE  257u                      // in a frame: no system call to restart
#define FLAGS_TRACER (RFLAGS_USER | RFLAGS_NT) // what a tracer may change

static struct trapframe *frame_of(const struct tracee *tr)
{
    return context_user_frame(&tr->task->arch);
}

// ---- general registers ----

_Static_assert(offsetof(struct trapframe, vector) == offsetof(struct user_regs, orig_rax),
               "the first 15 registers have the ABI's order");

void ptrace_get_regs(const struct tracee *tr, struct user_regs *r)
{
    const struct trapframe *f = frame_of(tr);
    *r = (struct user_regs){
        .orig_rax = f->vector == VECTOR_SYSCALL ? f->error : ~0ull,
        .rip = f->rip,
        .cs = f->cs,
        .eflags = f->rflags & ~(tracee_thread(tr)->step_tf ? RFLAGS_TF : 0),
        .rsp = f->rsp,
        .ss = f->ss,
        .fs_base = tr->task->arch.fs_base,
        .gs_base = tr->task->arch.gs_base,
    };
    memcpy(r, f, offsetof(struct user_regs, orig_rax));
}

// The selectors that every program begins with. A tracer can set no others.
static bool selectors_ok(const struct user_regs *r)
{
    return r->cs == USER_CS && r->ss == USER_DS && !r->ds && !r->es && !r->fs && !r->gs;
}

int ptrace_set_regs(struct tracee *tr, const struct user_regs *r)
{
    struct trapframe *f = frame_of(tr);
    struct thread *th = tracee_thread(tr);
    if (!selectors_ok(r) || r->fs_base >= TASK_SIZE_MAX || r->gs_base >= TASK_SIZE_MAX)
        return -EIO;
    memcpy(f, r, offsetof(struct user_regs, orig_rax));
    // -1 means: not in a system call, so there is none to skip, to change or to restart.
    f->vector = r->orig_rax == ~0ull ? VECTOR_NONE : VECTOR_SYSCALL;
    f->error = r->orig_rax;
    f->rip = r->rip;
    f->rsp = r->rsp;
    f->rflags = (f->rflags & ~FLAGS_TRACER) | (r->eflags & FLAGS_TRACER);
    if (r->eflags & RFLAGS_TF)
        th->step_tf = false; // the program's own from now on
    else if (th->step_tf)
        f->rflags |= RFLAGS_TF;
    tr->task->arch.fs_base = r->fs_base;
    tr->task->arch.gs_base = r->gs_base;
    return 0;
}

s64 ptrace_regs(struct tracee *tr, bool set, u64 udata)
{
    struct user_regs r;
    if (set)
        return get_user(r, udata) ? -EFAULT : ptrace_set_regs(tr, &r);
    ptrace_get_regs(tr, &r);
    return put_user(r, udata);
}

// ---- struct user ----

static bool bad_offset(u64 offset)
{
    return offset % 8 || offset >= USER_SIZE;
}

static bool in_debugregs(u64 offset)
{
    return offset >= USER_DEBUGREG && offset < USER_DEBUGREG + 8 * 8;
}

s64 ptrace_peek_user(struct tracee *tr, u64 offset, u64 udata)
{
    struct user_regs r;
    u64 value = 0; // what lies between is never filled
    if (bad_offset(offset))
        return -EIO;
    if (offset < sizeof(r)) {
        ptrace_get_regs(tr, &r);
        value = ((u64 *)&r)[offset / 8];
    } else if (in_debugregs(offset)) {
        value = ptrace_get_debugreg(tr, (offset - USER_DEBUGREG) / 8);
    }
    return put_user(value, udata);
}

static int set_reg(struct tracee *tr, u64 offset, u64 value)
{
    struct user_regs r;
    ptrace_get_regs(tr, &r);
    ((u64 *)&r)[offset / 8] = value;
    return ptrace_set_regs(tr, &r);
}

s64 ptrace_poke_user(struct tracee *tr, u64 offset, u64 value)
{
    if (bad_offset(offset))
        return -EIO;
    if (in_debugregs(offset))
        return ptrace_set_debugreg(tr, (offset - USER_DEBUGREG) / 8, value);
    return offset < sizeof(struct user_regs) ? set_reg(tr, offset, value) : -EIO;
}

s64 ptrace_arch_prctl(struct tracee *tr, u64 code, u64 addr)
{
    u64 offset = code == ARCH_SET_FS || code == ARCH_GET_FS ? offsetof(struct user_regs, fs_base)
                                                            : offsetof(struct user_regs, gs_base);
    switch (code) {
    case ARCH_GET_FS:
    case ARCH_GET_GS:
        return ptrace_peek_user(tr, offset, addr);
    case ARCH_SET_FS:
    case ARCH_SET_GS:
        return ptrace_poke_user(tr, offset, addr) ? -EPERM : 0;
    default:
        return -EINVAL;
    }
}

// ---- SSE and x87 ----

static int set_fpregs(struct tracee *tr, const struct fpu_state *new)
{
    struct fpu_state clean = *new;
    fpu_sanitize(&clean);
    if (clean.mxcsr != new->mxcsr)
        return -EINVAL; // a bit of MXCSR that this CPU does not have
    *tr->task->arch.fpu = clean;
    return 0;
}

s64 ptrace_fpregs(struct tracee *tr, bool set, u64 udata)
{
    struct fpu_state s;
    if (!set)
        return copy_to_user(udata, tr->task->arch.fpu, sizeof(s));
    return copy_from_user(&s, udata, sizeof(s)) ? -EFAULT : set_fpregs(tr, &s);
}

// ---- by ELF note type ----

// As many whole registers as the program's buffer has room for.
static s64 general_set(struct tracee *tr, bool set, struct iovec *v)
{
    struct user_regs r;
    v->len = MIN(v->len, sizeof(r));
    ptrace_get_regs(tr, &r);
    if (!set)
        return copy_to_user(v->base, &r, v->len);
    return copy_from_user(&r, v->base, v->len) ? -EFAULT : ptrace_set_regs(tr, &r);
}

static s64 float_set(struct tracee *tr, bool set, struct iovec *v)
{
    struct fpu_state *s = tr->task->arch.fpu;
    v->len = MIN(v->len, sizeof(*s));
    if (!set)
        return copy_to_user(v->base, s, v->len);
    return v->len < sizeof(*s) ? -EINVAL : ptrace_fpregs(tr, true, v->base);
}

s64 ptrace_regset(struct tracee *tr, bool set, u32 type, u64 uiovec)
{
    struct iovec v;
    s64 err;
    if (get_user(v, uiovec))
        return -EFAULT;
    if (type == NT_X86_XSTATE)
        return -ENODEV; // no XSAVE
    if ((type != NT_PRSTATUS && type != NT_PRFPREG) || v.len % sizeof(u64))
        return -EINVAL;
    err = type == NT_PRSTATUS ? general_set(tr, set, &v) : float_set(tr, set, &v);
    if (err)
        return err;
    return put_user(v.len, uiovec + offsetof(struct iovec, len));
}

// ---- stepping ----

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
