// System calls that say on which CPUs a task may run.
#include "arch/x86/uaccess.h"
#include "linux/task/process.h"
#include "linux/proc/syscalls.h"

// The thread with this tid, with a reference, or NULL. Tid 0 is the running thread.
static struct task *find_thread(s32 tid)
{
    struct task *t = tid ? task_find(tid) : current_task();
    if (t && !tid)
        task_get(t);
    return t;
}

s64 sys_sched_setaffinity(s32 tid, u32 size, u64 umask)
{
    cpumask mask = 0;
    if (copy_from_user(&mask, umask, MIN(size, sizeof(mask))))
        return -EFAULT;
    struct task *t = tid < 0 ? NULL : find_thread(tid);
    if (!t)
        return -ESRCH;
    // A kernel thread stays where the kernel has put it. init is a process, although it has no
    // program.
    int err = t->process ? sched_set_affinity(t, mask) : -EINVAL;
    task_put(t);
    return err;
}

// As on Linux the result is the number of bytes that were written. C libraries turn it into 0.
s64 sys_sched_getaffinity(s32 tid, u32 size, u64 umask)
{
    if (size % sizeof(cpumask) || size < sizeof(cpumask))
        return -EINVAL;
    struct task *t = tid < 0 ? NULL : find_thread(tid);
    if (!t)
        return -ESRCH;
    cpumask mask = t->affinity & cpus_online();
    task_put(t);
    return put_user(mask, umask) ? -EFAULT : (s64)sizeof(mask);
}

s64 sys_getcpu(u64 ucpu, u64 unode)
{
    u32 cpu = cpu_id(), node = 0;
    if ((ucpu && put_user(cpu, ucpu)) || (unode && put_user(node, unode)))
        return -EFAULT;
    return 0;
}
