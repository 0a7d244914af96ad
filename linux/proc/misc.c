// System calls that ask about the system or the process.
#include "arch/x86/user/user_regs.h"
#include "arch/x86/uaccess.h"
#include "kernel/base/printk.h"
#include "kernel/mm/page.h"
#include "linux/fs/file.h"
#include "linux/mm/vm.h"
#include "linux/proc/life.h"
#include "linux/proc/random.h"
#include "linux/proc/syscalls.h"
#include "linux/fs/upcalls.h"
#include "linux/perf/record.h"

#include <linux/prctl.h>
#include <linux/random.h>
#include <linux/reboot.h>

#define UTS_FIELD 65

struct utsname {
    char sysname[UTS_FIELD], nodename[UTS_FIELD], release[UTS_FIELD], version[UTS_FIELD],
        machine[UTS_FIELD], domainname[UTS_FIELD];
};

// C libraries look at the release. They refuse to run on a kernel that seems too old.
s64 sys_uname(u64 ubuf)
{
    static const struct utsname name = {
        .sysname = "Linux",
        .nodename = "dr7",
        .release = "6.12.0-dr7",
        .version = "dr7, a teaching kernel",
        .machine = "x86_64",
        .domainname = "(none)",
    };
    return put_user(name, ubuf);
}

s64 sys_arch_prctl(int code, u64 addr)
{
    u64 base;
    switch (code) {
    case ARCH_SET_FS:
    case ARCH_SET_GS:
        if (addr >= TASK_SIZE_MAX)
            return -EPERM;
        wrmsr(code == ARCH_SET_FS ? MSR_FS_BASE : MSR_KERNEL_GS_BASE, addr);
        return 0;
    case ARCH_GET_FS:
    case ARCH_GET_GS:
        base = rdmsr(code == ARCH_GET_FS ? MSR_FS_BASE : MSR_KERNEL_GS_BASE);
        return put_user(base, addr);
    case ARCH_GET_CPUID:
        return 1; // programs may execute CPUID, and no CPU here can forbid it
    case ARCH_SET_CPUID:
        return -ENODEV;
    default:
        return -EINVAL;
    }
}

void thread_set_name(struct task *t, const char *name)
{
    struct process *p = t->process;
    mutex_lock(&proc_lock);
    strcopy(t->comm, name, sizeof(t->comm));
    if (t->tid == p->pid)
        strcopy(p->comm, name, sizeof(p->comm));
    mutex_unlock(&proc_lock);
    if (t == current_task())
        perf_record_comm(false);
}

s64 sys_prctl(int option, u64 arg)
{
    struct process *p = current_process();
    struct task *t = current_task();
    char name[TASK_COMM_LEN];
    ssize_t n;
    switch (option) {
    case PR_SET_PDEATHSIG:
        if (arg > NSIG)
            return -EINVAL;
        p->death_signal = (int)arg;
        return 0;
    case PR_GET_PDEATHSIG:
        return put_user(p->death_signal, arg);
    case PR_SET_NAME:
        n = strncpy_from_user(name, arg, sizeof(name));
        if (n == -EFAULT)
            return n;
        name[sizeof(name) - 1] = '\0'; // a longer name is cut
        thread_set_name(t, name);
        return 0;
    case PR_GET_NAME:
        return copy_to_user(arg, t->comm, sizeof(t->comm));
    default:
        return -EINVAL;
    }
}

enum { RUSAGE_CHILDREN = -1, RUSAGE_SELF = 0, RUSAGE_THREAD = 1 };

s64 sys_getrusage(int who, u64 uusage)
{
    struct process *p = current_process();
    if (who < RUSAGE_CHILDREN || who > RUSAGE_THREAD)
        return -EINVAL;
    mutex_lock(&proc_lock);
    struct usage used = who == RUSAGE_CHILDREN ? p->reaped : process_usage(p);
    if (who == RUSAGE_THREAD) {
        u64 peak = used.peak_pages; // all threads share the memory
        used = thread_usage(current_thread());
        used.peak_pages = peak;
    }
    mutex_unlock(&proc_lock);
    const struct rusage usage = usage_tell(&used);
    return put_user(usage, uusage);
}

s64 sys_times(u64 utimes)
{
    struct process *p = current_process();
    struct {
        s64 utime, stime, children_utime, children_stime;
    } times = {0};
    mutex_lock(&proc_lock);
    const struct usage own = process_usage(p), *children = &p->reaped;
    times.utime = usage_user_ns(&own) / CLK_TCK_NS;
    times.stime = own.system_ns / CLK_TCK_NS;
    times.children_utime = usage_user_ns(children) / CLK_TCK_NS;
    times.children_stime = children->system_ns / CLK_TCK_NS;
    mutex_unlock(&proc_lock);
    if (utimes && put_user(times, utimes))
        return -EFAULT;
    return clock_ns() / CLK_TCK_NS;
}

s64 sys_prlimit64(s32 pid, u32 resource, u64 unew, u64 uold)
{
    struct rlimit new, old;
    if (unew && get_user(new, unew))
        return -EFAULT;
    struct process *p = process_of(pid ? (u32)pid : current_process()->pid);
    if (!p)
        return -ESRCH;
    int err = rlimit_change(p, resource, unew ? &new : NULL, &old);
    if (!err && unew && resource == RLIMIT_CPU) {
        mutex_lock(&proc_lock);
        itimers_limit_cpu(p);
        mutex_unlock(&proc_lock);
    }
    process_put(p);
    return !err && uold ? put_user(old, uold) : err;
}

s64 sys_sysinfo(u64 uinfo)
{
    struct {
        s64 uptime;
        u64 loads[3], total_ram, free_ram, shared_ram, buffer_ram, total_swap, free_swap;
        u16 procs, pad;
        u64 total_high, free_high;
        u32 mem_unit;
    } info = {
        .uptime = clock_ns() / NS_PER_SEC,
        .total_ram = pages_total * PAGE_SIZE,
        .free_ram = pages_free_count() * PAGE_SIZE,
        .mem_unit = 1,
    };
    _Static_assert(sizeof(info) == 112, "sysinfo is the ABI's");
    mutex_lock(&proc_lock);
    for (struct process *p = process_next(NULL); p; p = process_next(p))
        info.procs += p->nr_threads;
    mutex_unlock(&proc_lock);
    return put_user(info, uinfo);
}

s64 sys_getrandom(u64 ubuf, u64 n, u32 flags)
{
    u8 part[64];
    u32 kind = GRND_RANDOM | GRND_INSECURE;
    if ((flags & ~(GRND_NONBLOCK | kind)) || (flags & kind) == kind)
        return -EINVAL;
    n = MIN(n, (u64)INT32_MAX);
    for (u64 done = 0; done < n;) {
        size_t len = MIN(user_piece(ubuf + done, n - done), sizeof(part));
        random_fill(part, len);
        if (copy_to_user(ubuf + done, part, len))
            return done ? (s64)done : -EFAULT;
        done += len;
        if (sched_interrupted())
            return done;
    }
    return n;
}

s64 sys_reboot(u32 magic1, u32 magic2, u32 command)
{
    if (magic1 != LINUX_REBOOT_MAGIC1 || magic2 != LINUX_REBOOT_MAGIC2)
        return -EINVAL;
    if (command != LINUX_REBOOT_CMD_POWER_OFF && command != LINUX_REBOOT_CMD_HALT)
        return -EINVAL;
    printk("dr7: powered off by task %u (%s)\n", current_task()->tid, current_task()->comm);
    machine_off(0);
}
