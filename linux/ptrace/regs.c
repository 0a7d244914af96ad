// A tracee's registers. They are in the frame at the top of its kernel stack, and in what the
// switch has saved.
#include "arch/x86/uaccess.h"
#include "arch/x86/user/user_regs.h"
#include "linux/ptrace/tracee.h"

#define VECTOR_NONE  257u                      // in a frame: there is no system call to restart
#define FLAGS_TRACER (RFLAGS_USER | RFLAGS_NT) // the flags that a tracer may change

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
        .orig_rax = f->vector == VECTOR_SYSCALL || f->vector == VECTOR_NONE ? f->error : ~0ull,
        .rip = f->rip,
        .cs = f->cs,
        .eflags = f->rflags & ~(tracee_thread(tr)->trace & TRACE_TF ? RFLAGS_TF : 0),
        .rsp = f->rsp,
        .ss = f->ss,
        .fs_base = tr->task->arch.fs_base,
        .gs_base = tr->task->arch.gs_base,
    };
    memcpy(r, f, offsetof(struct user_regs, orig_rax));
}

// True for the selectors with which every program begins. A tracer cannot set other selectors.
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
    // -1 means: not in a system call. So there is no call to skip, to change or to restart. The
    // call's number is the lower half of orig_rax.
    f->vector = (s32)r->orig_rax == -1 ? VECTOR_NONE : VECTOR_SYSCALL;
    f->error = r->orig_rax;
    f->rip = r->rip;
    f->rsp = r->rsp;
    f->rflags = (f->rflags & ~FLAGS_TRACER) | (r->eflags & FLAGS_TRACER);
    if (r->eflags & RFLAGS_TF)
        th->trace &= ~TRACE_TF; // TF is the program's own from now on
    else if (th->trace & TRACE_TF)
        f->rflags |= RFLAGS_TF;
    tr->task->arch.fs_base = r->fs_base;
    tr->task->arch.gs_base = r->gs_base;
    return 0;
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
    u64 value = 0; // the fields in between are always 0
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

// A function of its own, so that a debug register is written without this frame.
static __attribute__((noinline)) int set_reg(struct tracee *tr, u64 offset, u64 value)
{
    struct user_regs r;
    ptrace_get_regs(tr, &r);
    ((u64 *)&r)[offset / 8] = value;
    return ptrace_set_regs(tr, &r);
}

int ptrace_poke_user(struct tracee *tr, u64 offset, u64 value)
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
