// System calls on signals: actions, masks, waiting, the alternate stack, sending.
#include "arch/x86/uaccess.h"
#include "linux/proc/signals.h"
#include "linux/proc/timeout.h"
#include "linux/ptrace/upcalls.h"
#include "linux/task/sigqueue.h"
#include "linux/proc/syscalls.h"

enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };

static bool bad_set_size(u64 size)
{
    return size != sizeof(u64);
}

// The signal is ignored now, so its pending ones are forgotten.
static void forget_ignored(struct process *p, int sig)
{
    mutex_lock(&proc_lock);
    if (signal_is_ignored(p, sig)) // else another thread has changed the action again
        signal_forget(p, SIG_BIT(sig));
    mutex_unlock(&proc_lock);
}

s64 sys_rt_sigaction(int sig, u64 unew, u64 uold, u64 set_size)
{
    struct process *p = current_process();
    struct sigaction new, old;
    if (bad_set_size(set_size) || sig < 1 || sig > NSIG)
        return -EINVAL;
    if (unew && get_user(new, unew))
        return -EFAULT;
    if (unew && (SIG_BIT(sig) & SIG_UNMASKABLE))
        return -EINVAL;
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    old = p->action[sig - 1];
    if (unew) {
        new.mask &= ~SIG_UNMASKABLE;
        new.flags &= SA_KNOWN;
        p->action[sig - 1] = new;
    }
    bool ignored = unew && signal_is_ignored(p, sig);
    spin_unlock_irqrestore(&p->signal_lock, flags);
    if (ignored)
        forget_ignored(p, sig);
    return uold ? put_user(old, uold) : 0;
}

s64 sys_rt_sigprocmask(int how, u64 unew, u64 uold, u64 set_size)
{
    u64 old = current_thread()->blocked;
    u64 set;
    if (bad_set_size(set_size))
        return -EINVAL;
    if (unew) {
        if (get_user(set, unew))
            return -EFAULT;
        if (how == SIG_BLOCK)
            set |= old;
        else if (how == SIG_UNBLOCK)
            set = old & ~set;
        else if (how != SIG_SETMASK)
            return -EINVAL;
        signal_set_blocked(set);
    }
    return uold ? put_user(old, uold) : 0;
}

s64 sys_rt_sigpending(u64 uset, u64 set_size)
{
    struct process *p = current_process();
    struct thread *th = current_thread();
    if (set_size > sizeof(u64))
        return -EINVAL;
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    u64 set = (p->pending.set | th->pending.set) & th->blocked;
    spin_unlock_irqrestore(&p->signal_lock, flags);
    return copy_to_user(uset, &set, set_size);
}

s64 sys_pause(void)
{
    struct wait_queue nobody;
    wait_init(&nobody);
    wait_event_interruptible(&nobody, false);
    return -ERESTARTNOHAND;
}

int signal_begin_mask(u64 uset, u64 set_size)
{
    struct thread *th = current_thread();
    u64 set;
    if (bad_set_size(set_size))
        return -EINVAL;
    if (get_user(set, uset))
        return -EFAULT;
    th->saved_mask = th->blocked;
    th->restore_mask = true;
    signal_set_blocked(set);
    return 0;
}

s64 sys_rt_sigsuspend(u64 uset, u64 set_size)
{
    int err = signal_begin_mask(uset, set_size);
    return err ? err : sys_pause();
}

// Takes a signal of the set. If there is none, the thread waits for one from now on. With `last` it
// does not wait any longer.
static int take_one(struct process *p, struct thread *th, u64 set, struct siginfo *info, bool last)
{
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    int sig = sigpending_take(&th->pending, set, info);
    if (!sig)
        sig = sigpending_take(&p->pending, set, info);
    th->waiting_for = sig || last ? 0 : set;
    if (last)
        signal_leave(p, set);
    spin_unlock_irqrestore(&p->signal_lock, flags);
    return sig;
}

s64 sys_rt_sigtimedwait(u64 uset, u64 uinfo, u64 utimeout, u64 set_size)
{
    struct process *p = current_process();
    struct thread *th = current_thread();
    struct siginfo info;
    u64 set, until;
    if (bad_set_size(set_size))
        return -EINVAL;
    if (get_user(set, uset))
        return -EFAULT;
    int err = get_deadline(&until, utimeout), sig;
    if (err)
        return err;
    set &= ~SIG_UNMASKABLE;
    sig = take_one(p, th, set, &info, false);
    if (!sig) {
        err = sched_sleep_until(until, true);
        sig = take_one(p, th, set, &info, true);
    }
    signal_set_blocked(th->blocked);
    if (!sig)
        return err ? -EINTR : -EAGAIN;
    if (uinfo && siginfo_to_user(uinfo, &info))
        return -EFAULT;
    return sig;
}

int altstack_set(const struct altstack *s, u64 sp)
{
    struct thread *th = current_thread();
    u32 mode = s->flags & ~SS_AUTODISARM;
    if (on_altstack(th, sp))
        return -EPERM;
    if (mode != 0 && mode != SS_ONSTACK && mode != SS_DISABLE)
        return -EINVAL;
    if (mode != SS_DISABLE && s->size < MINSIGSTKSZ)
        return -ENOMEM;
    th->altstack = mode == SS_DISABLE ? 0 : s->sp;
    th->altstack_size = mode == SS_DISABLE ? 0 : s->size;
    th->altstack_flags = s->flags & SS_AUTODISARM;
    return 0;
}

s64 sys_sigaltstack(u64 unew, u64 uold, u64 sp)
{
    struct altstack new, old;
    if (unew && get_user(new, unew))
        return -EFAULT;
    altstack_get(&old, sp);
    if (unew) {
        int err = altstack_set(&new, sp);
        if (err)
            return err;
    }
    return uold ? put_user(old, uold) : 0;
}

static struct siginfo sender_info(int code)
{
    return (struct siginfo){.code = code, .rt.pid = current_process()->pid};
}

static int send(struct process *p, int sig, const struct siginfo *info)
{
    mutex_lock(&proc_lock);
    int err = signal_process(p, sig, info);
    mutex_unlock(&proc_lock);
    return err;
}

static int to_process(s32 tid, int sig, const struct siginfo *info)
{
    struct process *p = process_of((u32)tid);
    if (!p)
        return -ESRCH;
    int err = send(p, sig, info);
    process_put(p);
    return err;
}

static int to_all_others(int sig, const struct siginfo *info)
{
    int err = -ESRCH;
    for (struct process *p = process_next(NULL); p; p = process_next(p))
        if (p != init_process && p != current_process())
            err = signal_process(p, sig, info);
    return err;
}

// pid > 0: a process, by the tid of any of its threads. 0: the caller's group. Below -1: the group
// with the number -pid. -1: all processes but init and the caller's (kill(2)).
s64 sys_kill(s32 pid, int sig)
{
    struct siginfo info = sender_info(SI_USER);
    if (pid > 0)
        return to_process(pid, sig, &info);
    if (pid == INT32_MIN)
        return -ESRCH;
    mutex_lock(&proc_lock);
    int err = pid == -1 ? to_all_others(sig, &info)
                        : signal_group(pid ? (u32)-pid : current_process()->pgid, sig, &info);
    mutex_unlock(&proc_lock);
    return err;
}

// Sends to a thread of process tgid, or with tgid 0 of any process. A signal to the first thread of
// a zombie is no error, but the thread takes no signals.
static s64 to_thread(s32 tgid, s32 tid, int sig, const struct siginfo *info)
{
    if (tid <= 0 || tgid < 0)
        return -EINVAL;
    struct process *p = process_of((u32)tid);
    if (!p)
        return -ESRCH;
    struct task *t = task_find((u32)tid);
    int err = -ESRCH;
    if (!tgid || p->pid == (u32)tgid)
        err = t ? signal_task(t, sig, info) : send(p, sig, info);
    if (t)
        task_put(t);
    process_put(p);
    return err;
}

s64 sys_tgkill(s32 tgid, s32 tid, int sig)
{
    struct siginfo info = sender_info(SI_TKILL);
    return tgid ? to_thread(tgid, tid, sig, &info) : -EINVAL;
}

s64 sys_tkill(s32 tid, int sig)
{
    struct siginfo info = sender_info(SI_TKILL);
    return to_thread(0, tid, sig, &info);
}

// True if a siginfo that the sender has made looks like one of the kernel or of kill(2). A sender
// may do that only to itself, the thread or process with this tid.
static bool forged(const struct siginfo *info, s32 tid)
{
    return (u32)tid != current_task()->tid && (info->code >= 0 || info->code == SI_TKILL);
}

s64 sys_rt_sigqueueinfo(s32 pid, int sig, u64 uinfo)
{
    struct siginfo info;
    if (siginfo_from_user(&info, uinfo))
        return -EFAULT;
    return forged(&info, pid) ? -EPERM : to_process(pid, sig, &info);
}

s64 sys_rt_tgsigqueueinfo(s32 tgid, s32 tid, int sig, u64 uinfo)
{
    struct siginfo info;
    if (siginfo_from_user(&info, uinfo))
        return -EFAULT;
    if (tid <= 0 || tgid <= 0)
        return -EINVAL;
    return forged(&info, tid) ? -EPERM : to_thread(tgid, tid, sig, &info);
}
