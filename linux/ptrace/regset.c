// A tracee's registers as whole sets, which have the types of ELF notes.
#include "arch/x86/uaccess.h"
#include "arch/x86/user/fpu.h"
#include "linux/fs/syscalls.h"
#include "linux/ptrace/tracee.h"

// ---- SSE and x87 ----

// False if it has a bit that this CPU does not have. To load such a value would be an exception.
static bool mxcsr_ok(u32 mxcsr)
{
    struct fpu_state s = {.mxcsr = mxcsr};
    fpu_sanitize(&s);
    return s.mxcsr == mxcsr;
}

// The standard form of XSAVE (SDM vol. 1, 13.4: each state component has its fixed place). It has
// only x87 and SSE, because programs have no other components.
#define XFEATURE_X87 BIT(0)
#define XFEATURE_SSE BIT(1)
#define XFEATURES    (XFEATURE_X87 | XFEATURE_SSE)

struct xstate {
    struct fpu_state fpu; // software[0] of it tells debuggers the value of XCR0
    u64 features;         // components with a value; other components' bytes mean nothing
    u64 reserved[7];      // zero
};
_Static_assert(sizeof(struct xstate) == 576, "the processor's layout");

// Takes from the tracer's set the components that its header names.
static void take_features(struct fpu_state *to, const struct xstate *x)
{
    const size_t mxcsr = offsetof(struct fpu_state, mxcsr);
    const size_t x87 = offsetof(struct fpu_state, registers), xmm = x87 + 8 * 16;
    u32 mask = to->mxcsr_mask; // the CPU's value stays
    fpu_init_state(to);
    to->mxcsr_mask = mask;
    if (x->features & XFEATURE_X87) {
        memcpy(to, &x->fpu, mxcsr);
        memcpy((u8 *)to + x87, (const u8 *)&x->fpu + x87, xmm - x87);
    }
    if (x->features & XFEATURE_SSE) {
        to->mxcsr = x->fpu.mxcsr;
        memcpy((u8 *)to + xmm, (const u8 *)&x->fpu + xmm, 16 * 16);
    }
}

static bool header_ok(const struct xstate *x)
{
    u64 reserved = 0;
    for (u32 i = 0; i < ARRAY_SIZE(x->reserved); i++)
        reserved |= x->reserved[i];
    return !reserved && !(x->features & ~XFEATURES);
}

// ---- the sets; v->len is at most their size ----

// Moves as many whole registers as the tracer's buffer has room for.
static s64 general_set(struct tracee *tr, bool set, const struct iovec *v)
{
    struct user_regs r;
    ptrace_get_regs(tr, &r);
    if (!set)
        return copy_to_user(v->base, &r, v->len);
    return copy_from_user(&r, v->base, v->len) ? -EFAULT : ptrace_set_regs(tr, &r);
}

static s64 float_set(struct tracee *tr, bool set, const struct iovec *v)
{
    struct fpu_state s;
    if (!set)
        return copy_to_user(v->base, tr->task->arch.fpu, v->len);
    if (v->len < sizeof(s))
        return -EINVAL;
    if (copy_from_user(&s, v->base, sizeof(s)))
        return -EFAULT;
    if (!mxcsr_ok(s.mxcsr))
        return -EINVAL;
    *tr->task->arch.fpu = s;
    return 0;
}

static s64 extended_set(struct tracee *tr, bool set, const struct iovec *v)
{
    struct fpu_state *s = tr->task->arch.fpu;
    struct xstate x = {.fpu = *s, .features = XFEATURES};
    if (!set) {
        memset(x.fpu.software, 0, sizeof(x.fpu.software));
        x.fpu.software[0] = XFEATURES;
        return copy_to_user(v->base, &x, v->len);
    }
    if (v->len < sizeof(x) || copy_from_user(&x, v->base, sizeof(x)))
        return -EFAULT;
    if (!header_ok(&x) || (x.features && !mxcsr_ok(x.fpu.mxcsr)))
        return -EINVAL;
    take_features(s, &x);
    return 0;
}

// Sets that other machines have. Here no program may use ports, and no program has a shadow stack.
static s64 port_set(struct tracee *, bool set, const struct iovec *)
{
    return set ? -EOPNOTSUPP : -ENXIO;
}

static s64 shadow_stack_set(struct tracee *, bool, const struct iovec *)
{
    return -ENODEV;
}

s64 ptrace_regs(struct tracee *tr, bool set, u64 udata)
{
    return general_set(tr, set, &(struct iovec){udata, sizeof(struct user_regs)});
}

s64 ptrace_fpregs(struct tracee *tr, bool set, u64 udata)
{
    return float_set(tr, set, &(struct iovec){udata, sizeof(struct fpu_state)});
}

s64 ptrace_regset(struct tracee *tr, bool set, u32 type, u64 uiovec)
{
    static const struct {
        u32 type;
        u32 size; // in bytes
        s64 (*move)(struct tracee *tr, bool set, const struct iovec *v);
    } sets[] = {
        {NT_PRSTATUS, sizeof(struct user_regs), general_set},
        {NT_PRFPREG, sizeof(struct fpu_state), float_set},
        {NT_X86_XSTATE, sizeof(struct xstate), extended_set},
        {NT_386_IOPERM, 0, port_set},
        {NT_X86_SHSTK, 0, shadow_stack_set},
    };
    struct iovec v;
    if (get_user(v, uiovec))
        return -EFAULT;
    if (v.len % sizeof(u64))
        return -EINVAL;
    for (u32 i = 0; i < ARRAY_SIZE(sets); i++) {
        if (sets[i].type != type)
            continue;
        v.len = MIN(v.len, sets[i].size);
        s64 err = sets[i].move(tr, set, &v);
        return err ? err : put_user(v.len, uiovec + offsetof(struct iovec, len));
    }
    return -EINVAL;
}
