// Clocks and sleeping.
#include "arch/x86/uaccess.h"
#include "arch/x86/user/devices.h"
#include "linux/proc/signals.h"
#include "linux/proc/timeout.h"
#include "linux/proc/syscalls.h"

// clang-format off
enum {
    CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_PROCESS_CPUTIME_ID = 2,
    CLOCK_THREAD_CPUTIME_ID = 3, CLOCK_MONOTONIC_RAW = 4, CLOCK_REALTIME_COARSE = 5,
    CLOCK_MONOTONIC_COARSE = 6, CLOCK_BOOTTIME = 7, CLOCK_TAI = 11,
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

// Some clocks count the CPU time of a process, or of a thread of the caller's process. In the
// number of such a clock the complement of the id is above these bits.
#define CPU_CLOCK_BITS   3
#define CPU_CLOCK_SELF   ((int)(~0u << CPU_CLOCK_BITS)) // id 0
#define CPU_CLOCK_THREAD 4
#define CPU_CLOCK_KIND   3 // user, all, and scheduled time are the same here; 3 is no such clock

static int cpu_clock_read(int clock, u64 *ns)
{
    u32 id = ~(clock >> CPU_CLOCK_BITS);
    bool thread = clock & CPU_CLOCK_THREAD;
    struct process *self = current_process(), *p = NULL;
    if ((clock & CPU_CLOCK_KIND) == CPU_CLOCK_KIND)
        return -EINVAL;
    struct task *t = thread && id ? task_find(id) : NULL;
    mutex_lock(&proc_lock);
    if (!thread)
        p = id ? process_lookup(id) : self;
    bool found = p || !id || (t && t->process == self);
    if (found)
        *ns = p ? process_runtime(p) : task_runtime(t ? t : current_task());
    mutex_unlock(&proc_lock);
    if (t)
        task_put(t);
    return found ? 0 : -EINVAL;
}

static int clock_read(int clock, u64 *ns)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
        *ns = boot_ns() + clock_ns();
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        *ns = clock_ns();
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
        return cpu_clock_read(CPU_CLOCK_SELF, ns);
    case CLOCK_THREAD_CPUTIME_ID:
        return cpu_clock_read(CPU_CLOCK_SELF | CPU_CLOCK_THREAD, ns);
    default:
        return clock < 0 ? cpu_clock_read(clock, ns) : -EINVAL;
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

u64 time_left(u64 until)
{
    u64 now = clock_ns();
    return until > now ? until - now : 0;
}

int get_timespec(u64 *ns, u64 uspec)
{
    struct timespec ts;
    if (get_user(ts, uspec))
        return -EFAULT;
    *ns = timespec_ns(&ts);
    return timespec_valid(&ts) ? 0 : -EINVAL;
}

int get_deadline(u64 *until, u64 utimeout)
{
    u64 ns = NEVER;
    int err = utimeout ? get_timespec(&ns, utimeout) : 0;
    *until = ns ? ns_add(clock_ns(), ns) : 0;
    return err;
}

// When a signal ends the sleep, the rest of the time is written to the address arg[0].
static s64 sleep(const struct restart *r)
{
    if (!sched_sleep_until(r->until, true))
        return 0;
    struct timespec rest = ns_timespec(time_left(r->until));
    if (r->arg[0] && put_user(rest, r->arg[0]))
        return -EFAULT;
    return restart_later(r);
}

s64 restart_later(const struct restart *r)
{
    current_thread()->restart = *r;
    return -ERESTART_RESTARTBLOCK;
}

s64 sys_restart_syscall(void)
{
    const struct restart r = current_thread()->restart;
    return r.fn ? r.fn(&r) : -EINTR;
}

s64 sys_clock_nanosleep(int clock, int flags, u64 uwhen, u64 urem)
{
    bool real = clock == CLOCK_REALTIME || clock == CLOCK_TAI;
    u64 ns;
    if (!real && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME)
        return clock_read(clock, &ns) ? -EINVAL : -EOPNOTSUPP;
    int err = get_timespec(&ns, uwhen);
    if (err)
        return err;
    if (!(flags & TIMER_ABSTIME))
        return sleep(&(struct restart){sleep, ns_add(clock_ns(), ns), {urem}});
    return sched_sleep_until(real ? realtime_to_ns(ns) : ns, true) ? -ERESTARTNOHAND : 0;
}

s64 sys_nanosleep(u64 uwhen, u64 urem)
{
    return sys_clock_nanosleep(CLOCK_MONOTONIC, 0, uwhen, urem);
}
