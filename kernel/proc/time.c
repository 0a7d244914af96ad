// Clocks and sleeping.
#include "arch/x86/platform.h"
#include "arch/x86/uaccess.h"
#include "kernel/proc/signal_state.h"
#include "kernel/proc/syscalls.h"
#include "kernel/proc/timespec.h"

// clang-format off
enum {
    CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_PROCESS_CPUTIME_ID = 2,
    CLOCK_THREAD_CPUTIME_ID = 3, CLOCK_MONOTONIC_RAW = 4, CLOCK_REALTIME_COARSE = 5,
    CLOCK_MONOTONIC_COARSE = 6, CLOCK_BOOTTIME = 7,
};
// clang-format on
#define TIMER_ABSTIME 1

static u64 boot_ns(void)
{
    return clock_boot_epoch() * NS_PER_SEC;
}

u64 realtime_to_ns(u64 realtime)
{
    u64 boot = boot_ns();
    if (realtime == NEVER)
        return NEVER;
    return realtime > boot ? realtime - boot : 0;
}

static int clock_read(int clock, u64 *ns)
{
    struct process *p = current_process();
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        *ns = boot_ns() + clock_ns();
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        *ns = clock_ns();
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
        spin_lock(&proc_lock);
        *ns = process_runtime(p);
        spin_unlock(&proc_lock);
        return 0;
    case CLOCK_THREAD_CPUTIME_ID:
        *ns = task_runtime(current_task());
        return 0;
    default:
        return -EINVAL;
    }
}

s64 sys_clock_gettime(int clock, u64 uts)
{
    u64 ns;
    int err = clock_read(clock, &ns);
    if (err)
        return err;
    struct timespec ts = ns_timespec(ns);
    return put_user(ts, uts);
}

s64 sys_clock_getres(int clock, u64 uts)
{
    u64 ns;
    struct timespec ts = {.nsec = 1};
    int err = clock_read(clock, &ns);
    if (err || !uts)
        return err;
    return put_user(ts, uts);
}

s64 sys_gettimeofday(u64 utv, u64 utz)
{
    struct timeval tv = ns_timeval(boot_ns() + clock_ns());
    if (utv && put_user(tv, utv))
        return -EFAULT;
    return utz ? clear_user(utz, 2 * sizeof(u32)) : 0; // UTC
}

s64 sys_time(u64 utime)
{
    s64 now = (s64)((boot_ns() + clock_ns()) / NS_PER_SEC);
    if (utime && put_user(now, utime))
        return -EFAULT;
    return now;
}

// Sleeps until then. A signal leaves what sys_restart_syscall() needs, and the rest of the time at
// urem.
static s64 sleep_until(u64 when, u64 urem)
{
    struct thread *th = current_thread();
    if (!sched_sleep_until(when, true))
        return 0;
    u64 now = clock_ns();
    struct timespec rest = ns_timespec(when > now ? when - now : 0);
    if (urem && put_user(rest, urem))
        return -EFAULT;
    th->sleep_until = when;
    th->sleep_rem = urem;
    return -ERESTART_RESTARTBLOCK;
}

s64 sys_restart_syscall(void)
{
    struct thread *th = current_thread();
    return sleep_until(th->sleep_until, th->sleep_rem);
}

s64 sys_clock_nanosleep(int clock, int flags, u64 uwhen, u64 urem)
{
    struct timespec ts;
    bool real = clock == CLOCK_REALTIME;
    if (!real && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME)
        return -EINVAL;
    if (get_user(ts, uwhen))
        return -EFAULT;
    if (!timespec_valid(&ts))
        return -EINVAL;
    u64 ns = timespec_ns(&ts);
    if (!(flags & TIMER_ABSTIME))
        return sleep_until(ns_add(clock_ns(), ns), urem);
    return sched_sleep_until(real ? realtime_to_ns(ns) : ns, true) ? -ERESTARTNOHAND : 0;
}

s64 sys_nanosleep(u64 uwhen, u64 urem)
{
    return sys_clock_nanosleep(CLOCK_MONOTONIC, 0, uwhen, urem);
}
