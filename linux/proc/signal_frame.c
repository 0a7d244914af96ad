// The signal frame on the program's stack, as Linux lays it out for x86-64 (sigaction(2),
// <sys/ucontext.h>).
#include "arch/x86/uaccess.h"
#include "arch/x86/user/fpu.h"
#include "arch/x86/user/user_regs.h"
#include "linux/proc/signals.h"
#include "linux/ptrace/upcalls.h"
#include "linux/proc/syscalls.h"

#define VECTOR_SIGRETURN 257 // in the frame: it came by a system call, but does not return from one

#define RED_ZONE  128 // bytes below rsp that belong to the program (System V ABI, 3.2.2)
#define FPU_ALIGN 64

#define SEGMENTS (USER_CS | (u64)USER_DS << 48) // cs, ss: programs have no other ones

#define UC_SIGCONTEXT_SS     2 // sigcontext.ss is valid
#define UC_STRICT_RESTORE_SS 4

struct sigcontext {
    u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    u64 segments; // cs, gs, fs, ss
    u64 error, vector, old_mask, cr2, fpstate, reserved[8];
};

struct rt_sigframe {
    u64 restorer; // the handler's return address
    u64 uc_flags, uc_link;
    struct altstack uc_stack;
    struct sigcontext mc;
    u64 sigmask;
    u8 info[SIGINFO_SIZE];
};
_Static_assert(sizeof(struct sigcontext) == 256, "sigcontext is the ABI's");
_Static_assert(offsetof(struct rt_sigframe, info) == 312, "the frame is the ABI's");

// clang-format off
#define SAVED_REGISTERS(X)                                                                         \
    X(r8) X(r9) X(r10) X(r11) X(r12) X(r13) X(r14) X(r15) X(rdi) X(rsi) X(rbp) X(rbx) X(rdx)       \
    X(rax) X(rcx) X(rsp) X(rip)
// clang-format on

int siginfo_to_user(u64 to, const struct siginfo *info)
{
    u64 rest = SIGINFO_SIZE - sizeof(*info);
    return copy_to_user(to, info, sizeof(*info)) || clear_user(to + sizeof(*info), rest) ? -EFAULT
                                                                                         : 0;
}

int siginfo_from_user(struct siginfo *info, u64 from)
{
    return get_user(*info, from);
}

static u32 altstack_state(const struct thread *th, u64 sp)
{
    if (!th->altstack_size)
        return th->altstack_flags | SS_DISABLE;
    return th->altstack_flags | (on_altstack(th, sp) ? SS_ONSTACK : 0);
}

void altstack_get(struct altstack *s, u64 sp)
{
    const struct thread *th = current_thread();
    *s = (struct altstack){th->altstack, altstack_state(th, sp), 0, th->altstack_size};
}

// The address below which the frame goes. 0 when it would not fit on the alternate stack.
static u64 frame_top(const struct trapframe *f, const struct thread *th,
                     const struct sigaction *action)
{
    bool on = on_altstack(th, f->rsp);
    if ((action->flags & SA_ONSTACK) && th->altstack_size && !on)
        return th->altstack + th->altstack_size;
    u64 need = RED_ZONE + sizeof(struct fpu_state) + FPU_ALIGN + sizeof(struct rt_sigframe) + 16;
    if (on && f->rsp - th->altstack < need)
        return 0;
    return f->rsp - RED_ZONE;
}

// Writes the frame field by field, without a copy. Reserved fields are not written. 0 or -EFAULT.
static int write_frame(struct rt_sigframe *to, const struct trapframe *f, const struct thread *th,
                       const struct sigaction *action, u64 mask, u64 fpu_at)
{
    u32 stack_flags = altstack_state(th, f->rsp);
    if (!user_range_ok((u64)to, sizeof(*to)))
        return -EFAULT;
    user_access_begin();
    put_user_word(action->restorer, &to->restorer, fault);
    put_user_word(UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS, &to->uc_flags, fault);
    put_user_word(0, &to->uc_link, fault);
    put_user_word(th->altstack, &to->uc_stack.sp, fault);
    put_user_half(stack_flags, &to->uc_stack.flags, fault);
    put_user_word(th->altstack_size, &to->uc_stack.size, fault);
#define SAVE(r) put_user_word(f->r, &to->mc.r, fault);
    SAVED_REGISTERS(SAVE)
    put_user_word(f->rflags, &to->mc.rflags, fault);
    put_user_word(SEGMENTS, &to->mc.segments, fault);
    put_user_word(th->trap_error, &to->mc.error, fault);
    put_user_word(th->trap_vector, &to->mc.vector, fault);
    put_user_word(mask, &to->mc.old_mask, fault);
    put_user_word(th->trap_cr2, &to->mc.cr2, fault);
    put_user_word(fpu_at, &to->mc.fpstate, fault);
    put_user_word(mask, &to->sigmask, fault);
    user_access_end();
    return 0;
fault:
    user_access_end();
    return -EFAULT;
}

int signal_frame_push(struct trapframe *f, struct thread *th, const struct sigaction *action,
                      u64 mask)
{
    u64 top = frame_top(f, th, action);
    if (!top || !(action->flags & SA_RESTORER))
        return -EFAULT;
    u64 fpu_at = ALIGN_DOWN(top - sizeof(struct fpu_state), FPU_ALIGN);
    u64 at =
        ALIGN_DOWN(fpu_at - sizeof(struct rt_sigframe), 16) - 8; // as if called: rsp + 8 is aligned
    u64 info_at = at + offsetof(struct rt_sigframe, info);
    if (fpu_save_user(fpu_at) ||
        write_frame((struct rt_sigframe *)at, f, th, action, mask, fpu_at) ||
        ((action->flags & SA_SIGINFO) && siginfo_to_user(info_at, &th->siginfo)))
        return -EFAULT;

    if (th->altstack_flags & SS_AUTODISARM) {
        th->altstack = th->altstack_size = 0;
        th->altstack_flags = 0;
    }
    fpu_reset_current(); // the handler computes as a new program does
    f->rdi = th->siginfo.signo;
    f->rsi = info_at;
    f->rdx = at + offsetof(struct rt_sigframe, uc_flags);
    f->rax = 0;
    f->rsp = at;
    f->rip = action->handler;
    // RF would hide a breakpoint on the handler's first instruction.
    f->rflags &= ~(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
    return 0;
}

// The reverse of write_frame(). It reads the words at both ends first. So a page that is missing is
// found before any register has changed.
static int read_frame(struct trapframe *f, const struct rt_sigframe *from, u64 *fpu_at,
                      struct altstack *stack)
{
    u64 word, mask;
    if (!user_range_ok((u64)from, sizeof(*from)))
        return -EFAULT;
    user_access_begin();
    get_user_word(mask, &from->sigmask, fault);
    get_user_word(word, &from->uc_stack.flags, fault);
    stack->flags = (u32)word;
    if (stack->flags != SS_DISABLE) {
        get_user_word(stack->sp, &from->uc_stack.sp, fault);
        get_user_word(stack->size, &from->uc_stack.size, fault);
    }
#define RESTORE(r)                                                                                 \
    get_user_word(word, &from->mc.r, fault);                                                       \
    f->r = word;
    SAVED_REGISTERS(RESTORE)
    get_user_word(word, &from->mc.rflags, fault);
    f->rflags = (f->rflags & ~RFLAGS_USER) | (word & RFLAGS_USER);
    get_user_word(*fpu_at, &from->mc.fpstate, fault);
    user_access_end();
    signal_set_blocked(mask);
    return 0;
fault:
    user_access_end();
    return -EFAULT;
}

// Reads the FPU state from user memory. 0, or -EFAULT, and the FPU is reset.
static int restore_fpu(u64 from)
{
    int err = from ? fpu_load_user(from) : 0;
    if (!from || err)
        fpu_reset_current();
    return err;
}

s64 sys_rt_sigreturn(struct trapframe *f)
{
    struct thread *th = current_thread();
    struct altstack stack = {0};
    u64 fpu_at;
    // The handler's RET has taken the first word.
    const struct rt_sigframe *from = (void *)(f->rsp - sizeof(from->restorer));
    if (read_frame(f, from, &fpu_at, &stack) || restore_fpu(fpu_at)) {
        signal_force_fault(SIGSEGV, SI_KERNEL, 0);
        return 0;
    }
    th->restart.fn = NULL; // a handler has run since, so the call is not restarted
    if (stack.flags != SS_DISABLE || th->altstack_size || th->altstack_flags)
        altstack_set(&stack, f->rsp);
    // Every register matters, rcx and r11 too. So this return is no SYSRET, and it restarts no
    // system call.
    f->vector = VECTOR_SIGRETURN;
    return f->rax;
}
