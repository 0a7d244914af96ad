// The signal frame on the program's stack, as Linux lays it out for x86-64 (sigaction(2),
// <sys/ucontext.h>).
#include "arch/x86/uaccess.h"
#include "kernel/base/string.h"
#include "kernel/proc/signal_state.h"
#include "kernel/proc/syscalls.h"

#define VECTOR_SIGRETURN 257 // in the frame: came by a system call, but does not go back from one

#define RED_ZONE  128 // below rsp, the program's own (System V ABI, 3.2.2)
#define FPU_ALIGN 64

#define UC_SIGCONTEXT_SS     2 // sigcontext.ss is valid
#define UC_STRICT_RESTORE_SS 4

struct sigcontext {
    u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    u16 cs, gs, fs, ss;
    u64 error, vector, old_mask, cr2, fpstate, reserved[8];
};

struct rt_sigframe {
    u64 restorer; // the handler's return address
    u64 uc_flags, uc_link;
    struct altstack uc_stack;
    struct sigcontext mc;
    u64 sigmask;
    struct siginfo info;
};
_Static_assert(sizeof(struct sigcontext) == 256, "sigcontext is the ABI's");
_Static_assert(offsetof(struct rt_sigframe, info) == 312, "the frame is the ABI's");

// clang-format off
#define SAVED_REGISTERS(X)                                                                         \
    X(r8) X(r9) X(r10) X(r11) X(r12) X(r13) X(r14) X(r15) X(rdi) X(rsi) X(rbp) X(rbx) X(rdx)       \
    X(rax) X(rcx) X(rsp) X(rip)
// clang-format on

static void save_context(struct sigcontext *c, const struct trapframe *f, const struct thread *th)
{
#define SAVE(r) c->r = f->r;
    SAVED_REGISTERS(SAVE)
    c->rflags = f->rflags;
    c->cs = f->cs;
    c->ss = f->ss;
    c->error = th->trap_error;
    c->vector = th->trap_vector;
    c->cr2 = th->trap_cr2;
}

static void restore_context(struct trapframe *f, const struct sigcontext *c)
{
#define RESTORE(r) f->r = c->r;
    SAVED_REGISTERS(RESTORE)
    f->rflags = (f->rflags & ~RFLAGS_USER) | (c->rflags & RFLAGS_USER);
    f->cs = USER_CS;
    f->ss = USER_DS;
    // Every register matters, rcx and r11 too: this return is no SYSRET and restarts no system
    // call.
    f->vector = VECTOR_SIGRETURN;
}

void altstack_get(struct altstack *s, u64 sp)
{
    struct thread *th = current_thread();
    *s = (struct altstack){
        .sp = th->altstack, .flags = th->altstack_flags, .size = th->altstack_size};
    if (!s->size)
        s->flags |= SS_DISABLE;
    else if (on_altstack(th, sp))
        s->flags |= SS_ONSTACK;
}

// Where the frame goes; 0 when the alternate stack it would grow on is too short.
static u64 frame_top(const struct trapframe *f, const struct sigaction *action)
{
    struct thread *th = current_thread();
    bool on = on_altstack(th, f->rsp);
    if ((action->flags & SA_ONSTACK) && th->altstack_size && !on)
        return th->altstack + th->altstack_size;
    u64 need = RED_ZONE + sizeof(struct fpu_state) + FPU_ALIGN + sizeof(struct rt_sigframe) + 16;
    if (on && f->rsp - th->altstack < need)
        return 0;
    return f->rsp - RED_ZONE;
}

int signal_frame_push(struct trapframe *f, const struct sigaction *action,
                      const struct siginfo *info, u64 mask)
{
    struct thread *th = current_thread();
    struct rt_sigframe frame = {
        .restorer = action->restorer,
        .uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
        .sigmask = mask,
        .info = *info,
    };
    struct fpu_state fpu;
    u64 top = frame_top(f, action);
    if (!top || !(action->flags & SA_RESTORER))
        return -EFAULT;
    u64 fpu_at = ALIGN_DOWN(top - sizeof(fpu), FPU_ALIGN);
    u64 at = ALIGN_DOWN(fpu_at - sizeof(frame), 16) - 8; // as if called: rsp + 8 is aligned

    altstack_get(&frame.uc_stack, f->rsp);
    save_context(&frame.mc, f, th);
    frame.mc.old_mask = mask;
    frame.mc.fpstate = fpu_at;
    fpu_save_current(&fpu);
    if (copy_to_user(fpu_at, &fpu, sizeof(fpu)) || copy_to_user(at, &frame, sizeof(frame)))
        return -EFAULT;

    if (th->altstack_flags & SS_AUTODISARM) {
        th->altstack = th->altstack_size = 0;
        th->altstack_flags = 0;
    }
    f->rdi = info->signo;
    f->rsi = at + offsetof(struct rt_sigframe, info);
    f->rdx = at + offsetof(struct rt_sigframe, uc_flags);
    f->rax = 0;
    f->rsp = at;
    f->rip = action->handler;
    f->cs = USER_CS;
    f->ss = USER_DS;
    // The handler starts clean: RF would hide a breakpoint on its first instruction.
    f->rflags &= ~(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
    return 0;
}

s64 sys_rt_sigreturn(struct trapframe *f)
{
    struct rt_sigframe frame;
    struct fpu_state fpu;
    // The handler's RET has taken the first word.
    if (copy_from_user(&frame, f->rsp - sizeof(frame.restorer), sizeof(frame)))
        goto bad;
    if (frame.mc.fpstate) {
        if (copy_from_user(&fpu, frame.mc.fpstate, sizeof(fpu)))
            goto bad;
        fpu_sanitize(&fpu);
        fpu_load_current(&fpu);
    } else {
        fpu_init_state(&fpu);
        fpu_load_current(&fpu);
    }
    signal_set_blocked(frame.sigmask);
    restore_context(f, &frame.mc);
    altstack_set(&frame.uc_stack, f->rsp);
    return f->rax;
bad:
    signal_force_fault(SIGSEGV, SI_KERNEL, 0);
    return 0;
}
