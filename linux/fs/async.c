// O_ASYNC: see async.h.
#include "linux/fs/async.h"

#include "arch/x86/uaccess.h"
#include "linux/task/process.h"

// si_code of these signals. A signal whose codes mean something else gets SI_SIGIO.
enum { POLL_IN = 1, POLL_HUP = 6, SI_SIGIO = -5 };
#define BAND_IN  0x041 // POLLIN | POLLRDNORM
#define BAND_HUP 0x018 // POLLHUP | POLLERR

#define SIG_WITH_CODES                                                                             \
    (SIG_BIT(SIGILL) | SIG_BIT(SIGFPE) | SIG_BIT(SIGSEGV) | SIG_BIT(SIGBUS) | SIG_BIT(SIGTRAP) |   \
     SIG_BIT(SIGCHLD))

// Sends to the owner. Signal 0 only asks whether the owner exists. 0 or -ESRCH. A group without
// members is no error.
static int deliver(const struct file_owner *o, int sig, const struct siginfo *info)
{
    if (o->type == F_OWNER_PGRP) {
        mutex_lock(&proc_lock);
        signal_group(o->pid, sig, info);
        mutex_unlock(&proc_lock);
        return 0;
    }
    struct task *t = o->type == F_OWNER_TID ? task_find(o->pid) : NULL;
    struct process *p = o->type == F_OWNER_PID ? process_of(o->pid) : NULL;
    if (t) {
        signal_task(t, sig, info);
        task_put(t);
    }
    if (p) {
        mutex_lock(&proc_lock);
        signal_process(p, sig, info);
        mutex_unlock(&proc_lock);
        process_put(p);
    }
    return t || p ? 0 : -ESRCH;
}

static s64 set_owner(struct file *f, s32 type, s32 pid)
{
    struct file_owner o = f->owner;
    o.type = type;
    o.pid = pid;
    if (pid && deliver(&o, 0, NULL))
        return -ESRCH;
    f->owner.type = type; // only these two: the rest may have changed meanwhile
    f->owner.pid = pid;
    return 0;
}

static s64 set_owner_ex(struct file *f, u64 arg)
{
    struct f_owner_ex ex;
    if (get_user(ex, arg))
        return -EFAULT;
    if (ex.type < F_OWNER_TID || ex.type > F_OWNER_PGRP || ex.pid < 0)
        return -EINVAL;
    return set_owner(f, ex.type, ex.pid);
}

s64 file_async_fcntl(struct file *f, int cmd, u64 arg)
{
    s32 who = (s32)arg;
    const struct f_owner_ex ex = {f->owner.type, f->owner.pid};
    switch (cmd) {
    case F_SETOWN:
        if (who == INT32_MIN)
            return -EINVAL;
        return who < 0 ? set_owner(f, F_OWNER_PGRP, -who) : set_owner(f, F_OWNER_PID, who);
    case F_GETOWN:
        return f->owner.type == F_OWNER_PGRP ? -f->owner.pid : f->owner.pid;
    case F_SETSIG:
        if (arg > NSIG)
            return -EINVAL;
        f->owner.sig = (s32)arg;
        return 0;
    case F_GETSIG:
        return f->owner.sig;
    case F_SETOWN_EX:
        return set_owner_ex(f, arg);
    case F_GETOWN_EX:
        return put_user(ex, arg);
    default:
        return -EINVAL;
    }
}

void file_set_async(struct file *f, bool on, int fd)
{
    f->owner.fd = fd;
    if (on)
        __atomic_or_fetch(&f->flags, O_ASYNC, __ATOMIC_RELEASE);
    else
        __atomic_and_fetch(&f->flags, ~O_ASYNC, __ATOMIC_RELEASE);
    if (f->ops->async)
        f->ops->async(f, on);
}

// Without F_SETSIG the signal says nothing about the file, as on Linux.
void file_signal(const struct file *f, bool hangup)
{
    struct file_owner o = f->owner;
    struct siginfo info = {
        .code = hangup ? POLL_HUP : POLL_IN,
        .poll = {.band = hangup ? BAND_HUP : BAND_IN, .fd = o.fd},
    };
    if (!o.pid)
        return;
    if (!o.sig) {
        deliver(&o, SIGIO, NULL);
        return;
    }
    if (SIG_BIT(o.sig) & SIG_WITH_CODES)
        info.code = SI_SIGIO;
    deliver(&o, o.sig, &info);
}
