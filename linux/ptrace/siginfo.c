// Requests about the signals and the system calls of a stopped tracee.
#include "arch/x86/uaccess.h"
#include "linux/ptrace/upcalls.h"
#include "linux/task/signal_state.h"
#include "linux/task/sigqueue.h"
#include "linux/ptrace/tracee.h"

#define MAX_ERRNO  4095
#define PEEK_BATCH 16 // entries copied at once; each time the queue is walked again

s64 ptrace_siginfo(struct tracee *tr, bool set, u64 udata)
{
    struct siginfo info;
    if (set && siginfo_from_user(&info, udata))
        return -EFAULT;
    if (!tr->info)
        return -EINVAL;
    if (!set)
        return siginfo_to_user(udata, tr->info);
    *tr->info = info;
    return 0;
}

s64 ptrace_peeksiginfo(struct tracee *tr, u64 uargs, u64 udata)
{
    struct process *p = tr->task->process;
    struct ptrace_peeksiginfo_args a;
    struct siginfo info[PEEK_BATCH];
    s32 n;
    u32 got = 0;
    if (get_user(a, uargs))
        return -EFAULT;
    if ((a.flags & ~PTRACE_PEEKSIGINFO_SHARED) || a.nr < 0)
        return -EINVAL;
    struct sigpending *q =
        a.flags & PTRACE_PEEKSIGINFO_SHARED ? &p->pending : &tracee_thread(tr)->pending;
    for (n = 0; n < a.nr; n++) {
        u32 at = (u32)n % PEEK_BATCH;
        if (!at) {
            u64 flags = spin_lock_irqsave(&p->signal_lock);
            got = sigpending_peek(q, a.off + (u32)n, info, PEEK_BATCH);
            spin_unlock_irqrestore(&p->signal_lock, flags);
        }
        if (at == got)
            break;
        if (siginfo_to_user(udata + (u32)n * SIGINFO_SIZE, &info[at]))
            return n ? n : -EFAULT;
        if (sched_interrupted()) {
            n++;
            break;
        }
    }
    return n;
}

s64 ptrace_sigmask(struct tracee *tr, bool set, u64 size, u64 udata)
{
    struct process *p = tr->task->process;
    struct thread *th = tracee_thread(tr);
    u64 mask;
    if (size != sizeof(mask))
        return -EINVAL;
    if (!set) {
        mask = th->restore_mask ? th->saved_mask : th->blocked;
        return put_user(mask, udata);
    }
    if (get_user(mask, udata))
        return -EFAULT;
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    th->blocked = mask & ~SIG_UNMASKABLE;
    th->restore_mask = false;
    signal_note(tr->task); // the tracee looks at its signals when it goes on
    spin_unlock_irqrestore(&p->signal_lock, flags);
    mutex_lock(&proc_lock);
    signal_offer(p, p->pending.set & mask); // others look at signals that it will not take
    mutex_unlock(&proc_lock);
    return 0;
}

s64 ptrace_syscall_info(struct tracee *tr, u64 size, u64 udata)
{
    struct user_regs r;
    ptrace_get_regs(tr, &r);
    struct syscall_info s = {.arch = AUDIT_ARCH_X86_64, .rip = r.rip, .rsp = r.rsp};
    u64 len = offsetof(struct syscall_info, entry);
    if (stopped_at_syscall(tr) && tr->message == PTRACE_EVENTMSG_SYSCALL_ENTRY) {
        s.op = PTRACE_SYSCALL_INFO_ENTRY;
        s.entry.nr = (u64)(s32)r.orig_rax;
        u64 args[] = {r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9};
        for (u32 i = 0; i < ARRAY_SIZE(args); i++)
            s.entry.args[i] = args[i];
        len = sizeof(s);
    } else if (stopped_at_syscall(tr) && tr->message == PTRACE_EVENTMSG_SYSCALL_EXIT) {
        s.op = PTRACE_SYSCALL_INFO_EXIT;
        s.exit.value = (s64)r.rax;
        s.exit.is_error = r.rax >= (u64)-MAX_ERRNO;
        len = offsetof(struct syscall_info, exit.is_error) + sizeof(s.exit.is_error);
    }
    return copy_to_user(udata, &s, MIN(size, len)) ? -EFAULT : (s64)len;
}
