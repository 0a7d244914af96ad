// The system call. It finds the tracee, and calls the function that does the request.
#include "arch/x86/uaccess.h"
#include "linux/mm/vm.h"
#include "linux/ptrace/tracee.h"

// ---- memory ----

static s64 access_word(struct tracee *tr, u64 addr, u64 *word, bool write)
{
    struct mm *mm = process_mm(tr->task->process);
    if (!mm)
        return -EIO;
    ssize_t n = mm_access(mm, addr, word, sizeof(*word), write, true);
    mm_put(mm);
    return n == sizeof(*word) ? 0 : -EIO;
}

static s64 peek(struct tracee *tr, u64 addr, u64 udata)
{
    u64 word;
    s64 err = access_word(tr, addr, &word, false);
    return err ? err : put_user(word, udata);
}

// ---- requests ----

static s64 set_options(struct tracee *tr, u64 options)
{
    if (options & ~PTRACE_O_KNOWN)
        return -EINVAL;
    struct process *p = tr->task->process;
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    tr->options = options;
    spin_unlock_irqrestore(&p->signal_lock, flags);
    return 0;
}

static s64 frozen_request(struct tracee *tr, s64 request, u64 addr, u64 data)
{
    switch (request) {
    case PTRACE_PEEKTEXT:
    case PTRACE_PEEKDATA:
        return peek(tr, addr, data);
    case PTRACE_POKETEXT:
    case PTRACE_POKEDATA:
        return access_word(tr, addr, &data, true);
    case PTRACE_PEEKUSR:
        return ptrace_peek_user(tr, addr, data);
    case PTRACE_POKEUSR:
        return ptrace_poke_user(tr, addr, data);
    case PTRACE_GETREGS:
    case PTRACE_SETREGS:
        return ptrace_regs(tr, request == PTRACE_SETREGS, data);
    case PTRACE_GETFPREGS:
    case PTRACE_SETFPREGS:
        return ptrace_fpregs(tr, request == PTRACE_SETFPREGS, data);
    case PTRACE_GETREGSET:
    case PTRACE_SETREGSET:
        return ptrace_regset(tr, request == PTRACE_SETREGSET, addr, data);
    case PTRACE_ARCH_PRCTL:
        return ptrace_arch_prctl(tr, data, addr);
    case PTRACE_SETOPTIONS:
    case PTRACE_OLDSETOPTIONS:
        return set_options(tr, data);
    case PTRACE_GETEVENTMSG:
        return put_user(tr->message, data);
    case PTRACE_GETSIGINFO:
    case PTRACE_SETSIGINFO:
        return ptrace_siginfo(tr, request == PTRACE_SETSIGINFO, data);
    case PTRACE_PEEKSIGINFO:
        return ptrace_peeksiginfo(tr, addr, data);
    case PTRACE_GETSIGMASK:
    case PTRACE_SETSIGMASK:
        return ptrace_sigmask(tr, request == PTRACE_SETSIGMASK, addr, data);
    case PTRACE_GET_SYSCALL_INFO:
        return ptrace_syscall_info(tr, addr, data);
    default:
        return -EIO;
    }
}

// The requests that leave the tracee stopped.
static s64 look_or_change(s64 request, s32 tid, u64 addr, u64 data)
{
    struct tracee *tr = ptrace_freeze(tid);
    if (!tr)
        return -ESRCH;
    s64 result = frozen_request(tr, request, addr, data);
    ptrace_unfreeze(tr);
    return result;
}

// True if the request steps. "To the next branch" is "to the next instruction" here. A step to the
// next branch needs DEBUGCTL.BTF (SDM vol. 3, 18.4.4: a step ends at branches only). Neither
// emulator has it.
static bool steps(s64 request)
{
    return request == PTRACE_SINGLESTEP || request == PTRACE_SYSEMU_SINGLESTEP ||
           request == PTRACE_SINGLEBLOCK;
}

static void go_on(struct tracee *tr, s64 request, int sig)
{
    struct thread *th = tracee_thread(tr);
    ptrace_set_step(th, steps(request));
    th->trace &= ~(TRACE_SYSCALLS | TRACE_EMULATE);
    if (request == PTRACE_SYSCALL)
        th->trace |= TRACE_SYSCALLS;
    else if (request == PTRACE_SYSEMU || request == PTRACE_SYSEMU_SINGLESTEP)
        th->trace |= TRACE_EMULATE;
    ptrace_resume(tr, sig);
}

// The requests that end the stop. It is not inline, because the others are to be fast.
static __attribute__((noinline)) s64 end_stop(s64 request, s32 tid, u64 sig)
{
    struct tracee *tr = ptrace_freeze(tid);
    if (!tr)
        return -ESRCH;
    if (request == PTRACE_LISTEN)
        return ptrace_listen(tr);
    if (request == PTRACE_DETACH)
        sig = (u32)sig; // Linux looks only at these bits of it
    if (sig > NSIG) {
        ptrace_unfreeze(tr);
        return -EIO;
    }
    if (request == PTRACE_DETACH)
        ptrace_detach(tr, (int)sig);
    else
        go_on(tr, request, (int)sig);
    return 0;
}

s64 sys_ptrace(s64 request, s32 tid, u64 addr, u64 data)
{
    switch (request) {
    case PTRACE_TRACEME:
        return ptrace_traceme();
    case PTRACE_ATTACH:
    case PTRACE_SEIZE:
        return ptrace_attach(tid, request == PTRACE_SEIZE, addr, data);
    case PTRACE_INTERRUPT:
        return ptrace_interrupt(tid);
    case PTRACE_KILL:
        return ptrace_kill(tid);
    case PTRACE_CONT:
    case PTRACE_SYSCALL:
    case PTRACE_SINGLESTEP:
    case PTRACE_SINGLEBLOCK:
    case PTRACE_SYSEMU:
    case PTRACE_SYSEMU_SINGLESTEP:
    case PTRACE_DETACH:
    case PTRACE_LISTEN:
        return end_stop(request, tid, data);
    default:
        return look_or_change(request, tid, addr, data);
    }
}
