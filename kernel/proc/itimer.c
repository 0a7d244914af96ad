// setitimer(2), getitimer(2) and alarm(2): SIGALRM after a while. Only ITIMER_REAL; the virtual
// ones are -EINVAL.
#include "arch/x86/platform.h"
#include "arch/x86/uaccess.h"
#include "kernel/proc/init.h"
#include "kernel/proc/process.h"
#include "kernel/proc/syscalls.h"
#include "kernel/proc/timespec.h"

#define ITIMER_REAL 0

struct itimerval {
    struct timeval interval, value;
};

static void fire(struct timer *timer)
{
    struct process *p = container_of(timer, struct process, itimer);
    init_alarm(p); // no signal can be sent from here, an interrupt
    if (p->itimer_interval)
        timer_start(timer, ns_add(timer->when, p->itimer_interval), fire);
}

void itimer_stop(struct process *p)
{
    p->itimer_interval = 0;
    do {
        timer_stop(&p->itimer);
    } while (p->itimer.armed); // fire() had just started it anew
}

// Nanoseconds until it fires; 0: off.
static u64 remaining(const struct process *p)
{
    u64 now = clock_ns(), when = p->itimer.when;
    if (!p->itimer.armed)
        return 0;
    return when > now ? when - now : NS_PER_USEC;
}

static void set(struct process *p, u64 value, u64 interval)
{
    itimer_stop(p);
    init_alarm_now(p); // no SIGALRM of the old timer comes after this call
    p->itimer_interval = interval;
    if (value)
        timer_start(&p->itimer, ns_add(clock_ns(), value), fire);
}

static bool timeval_ok(const struct timeval *tv)
{
    return tv->sec >= 0 && (u64)tv->usec < NS_PER_SEC / NS_PER_USEC;
}

static struct itimerval get(const struct process *p)
{
    return (struct itimerval){ns_timeval(p->itimer_interval), ns_timeval(remaining(p))};
}

s64 sys_getitimer(int which, u64 uold)
{
    if (which != ITIMER_REAL)
        return -EINVAL;
    struct itimerval now = get(current_process());
    return put_user(now, uold);
}

s64 sys_setitimer(int which, u64 unew, u64 uold)
{
    struct process *p = current_process();
    struct itimerval new = {0};
    if (which != ITIMER_REAL)
        return -EINVAL;
    if (unew && get_user(new, unew))
        return -EFAULT;
    if (!timeval_ok(&new.value) || !timeval_ok(&new.interval))
        return -EINVAL;
    struct itimerval old = get(p);
    set(p, timeval_ns(&new.value), timeval_ns(&new.interval));
    return uold ? put_user(old, uold) : 0;
}

s64 sys_alarm(u32 seconds)
{
    struct process *p = current_process();
    u64 left = remaining(p);
    set(p, seconds * NS_PER_SEC, 0);
    return left && left < NS_PER_SEC ? 1 : (left + NS_PER_SEC / 2) / NS_PER_SEC;
}
