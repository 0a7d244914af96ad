// Ids of processes, groups and sessions. Every program is root.
#include "arch/x86/uaccess.h"
#include "linux/task/process.h"
#include "linux/proc/syscalls.h"

s64 sys_getppid(void)
{
    mutex_lock(&proc_lock);
    u32 pid = current_process()->parent->pid;
    mutex_unlock(&proc_lock);
    return pid;
}

static bool group_in_session(u32 pgid, u32 sid)
{
    for (struct process *p = process_next(NULL); p; p = process_next(p))
        if (p->pgid == pgid && p->sid == sid)
            return true;
    return false;
}

static int setpgid_locked(struct process *self, u32 pid, u32 pgid)
{
    struct process *p = process_lookup(pid);
    if (!p || (p != self && p->parent != self))
        return -ESRCH;
    if (p != self && p->has_execed)
        return -EACCES;
    if (p->sid == p->pid || p->sid != self->sid || (pgid != pid && !group_in_session(pgid, p->sid)))
        return -EPERM;
    p->pgid = pgid;
    return 0;
}

s64 sys_setpgid(s32 pid, s32 pgid)
{
    struct process *self = current_process();
    if (!pid)
        pid = self->pid;
    if (!pgid)
        pgid = pid;
    if (pgid < 0)
        return -EINVAL;
    struct process *p = process_of((u32)pid);
    bool further = p && p->pid != (u32)pid; // pid is the tid of a thread that is not the first
    process_put(p);
    if (further)
        return -EINVAL;
    mutex_lock(&proc_lock);
    int err = setpgid_locked(self, pid, pgid);
    mutex_unlock(&proc_lock);
    return err;
}

// The group or the session of the process to which thread tid belongs. Tid 0 is the running thread.
static s64 id_of(s32 tid, bool session)
{
    struct process *p = process_of(tid ? (u32)tid : current_process()->pid);
    if (!p)
        return -ESRCH;
    mutex_lock(&proc_lock);
    s64 id = session ? p->sid : p->pgid;
    mutex_unlock(&proc_lock);
    process_put(p);
    return id;
}

s64 sys_getpgid(s32 pid)
{
    return id_of(pid, false);
}

s64 sys_getsid(s32 pid)
{
    return id_of(pid, true);
}

s64 sys_setsid(void)
{
    struct process *self = current_process();
    s64 result = -EPERM;
    mutex_lock(&proc_lock);
    bool leads_group = false;
    for (struct process *p = process_next(NULL); p; p = process_next(p))
        leads_group |= p->pgid == self->pid;
    if (!leads_group)
        result = self->pgid = self->sid = self->pid;
    mutex_unlock(&proc_lock);
    return result;
}

s64 sys_setresuid(u32 real, u32 effective, u32 saved)
{
    const u32 same = UINT32_MAX;
    bool others = (real && real != same) || (effective && effective != same);
    return others || (saved && saved != same) ? -EPERM : 0;
}

s64 sys_getresuid(u64 ureal, u64 ueffective, u64 usaved)
{
    const u32 root = 0;
    return put_user(root, ureal) || put_user(root, ueffective) || put_user(root, usaved) ? -EFAULT
                                                                                         : 0;
}

s64 sys_umask(u32 mask)
{
    struct process *p = current_process();
    u32 old = p->umask;
    p->umask = mask & 0777;
    return old;
}

s64 sys_set_robust_list(u64 head, u64 size)
{
    if (size != 3 * sizeof(u64))
        return -EINVAL;
    current_thread()->robust_list = head;
    return 0;
}

// Only for the running thread. C libraries call it to find out whether there are robust mutexes.
s64 sys_get_robust_list(s32 tid, u64 uhead, u64 usize)
{
    u64 head = current_thread()->robust_list, size = 3 * sizeof(u64);
    if (tid && (u32)tid != current_task()->tid)
        return -EPERM;
    return put_user(size, usize) || put_user(head, uhead) ? -EFAULT : 0;
}

s64 sys_set_tid_address(u64 addr)
{
    current_thread()->clear_child_tid = addr;
    return current_task()->tid;
}
