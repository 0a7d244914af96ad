// setitimer(2), getitimer(2) and alarm(2). SIGALRM comes after some real time. SIGVTALRM comes
// after some CPU time of the process in ring 3. SIGPROF comes after some CPU time of any kind.
// RLIMIT_CPU is here, too.
#include "arch/x86/uaccess.h"
#include "linux/proc/init.h"
#include "linux/proc/life.h"
#include "linux/proc/syscalls.h"

struct itimerval {
    struct timeval interval, value;
};

static const int signals[] = {SIGALRM, SIGVTALRM, SIGPROF};

static u64 now(struct process *p, int which)
{
    if (which == ITIMER_REAL)
        return clock_ns();
    const struct usage u = process_usage(p);
    return which == ITIMER_VIRTUAL ? usage_user_ns(&u) : u.runtime_ns;
}

// The ns that are left. It is at least 1, because a timer that has run down is due, and not off.
static u64 remaining(struct process *p, int which)
{
    u64 at = p->itimers[which].at, time = now(p, which);
    return at > time ? at - time : 1;
}

static void fire(struct timer *timer)
{
    __atomic_store_n(&container_of(timer, struct itimer, timer)->due, true, __ATOMIC_SEQ_CST);
    init_alarm(); // an interrupt cannot send a signal
}

// Sets when the timer is looked at: at the first moment when it may have run down. The process's
// CPU time passes fastest when it runs on all CPUs at once.
static void start(struct process *p, int which)
{
    u64 left = remaining(p, which);
    if (which != ITIMER_REAL)
        left /= nr_cpus;
    timer_start(&p->itimers[which].timer, ns_add(clock_ns(), left), fire);
}

static u64 seconds_ns(u64 seconds)
{
    return seconds > NEVER / NS_PER_SEC ? NEVER : MAX(seconds * NS_PER_SEC, 1ull); // 0 is off
}

// Sends SIGXCPU at the soft limit, which grows by a second each time. Sends SIGKILL at the hard
// limit (setrlimit(2)). The first program gets no SIGKILL.
static void reach_cpu_limit(struct process *p, struct itimer *it)
{
    struct rlimit *limit = &p->limits[RLIMIT_CPU];
    bool ends = !p->unkillable && it->at >= seconds_ns(limit->hard);
    signal_process(p, ends ? SIGKILL : SIGXCPU, NULL);
    it->at = ends ? 0 : seconds_ns(++limit->soft);
}

static void check(struct process *p, int which)
{
    struct itimer *it = &p->itimers[which];
    if (!__atomic_exchange_n(&it->due, false, __ATOMIC_SEQ_CST))
        return;
    bool reached = now(p, which) >= it->at;
    if (reached && which == ITIMER_CPU_LIMIT) {
        reach_cpu_limit(p, it);
    } else if (reached) {
        signal_process(p, signals[which], NULL);
        it->at = it->interval ? ns_add(it->at, it->interval) : 0;
    }
    if (it->at)
        start(p, which);
}

// Gives the timer another time. 0 stops it. proc_lock is held.
static void arm(struct process *p, int which, u64 at)
{
    struct itimer *it = &p->itimers[which];
    timer_stop(&it->timer);
    it->due = false;
    it->at = at;
    if (at)
        start(p, which);
}

void itimers_limit_cpu(struct process *p)
{
    u64 soft = p->limits[RLIMIT_CPU].soft;
    if (p->exiting || (soft == RLIM_INFINITY && !p->itimers[ITIMER_CPU_LIMIT].at))
        return;
    arm(p, ITIMER_CPU_LIMIT, soft == RLIM_INFINITY ? 0 : seconds_ns(soft));
}

void itimers_check(void)
{
    mutex_lock(&proc_lock);
    for (struct process *p = process_next(NULL); p; p = process_next(p))
        for (int which = 0; which < NR_ITIMERS; which++)
            check(p, which);
    mutex_unlock(&proc_lock);
}

// Sets the timer. No signal of its old setting comes afterwards. proc_lock is held.
static void set(struct process *p, int which, u64 value, u64 interval)
{
    check(p, which);
    p->itimers[which].interval = interval;
    arm(p, which, value ? ns_add(now(p, which), value) : 0);
}

void itimers_stop(struct process *p)
{
    mutex_lock(&proc_lock);
    for (int which = 0; which < NR_ITIMERS; which++)
        if (p->itimers[which].at) // else it is stopped already
            set(p, which, 0, 0);
    mutex_unlock(&proc_lock);
}

static bool timeval_ok(const struct timeval *tv)
{
    return tv->sec >= 0 && (u64)tv->usec < NS_PER_SEC / NS_PER_USEC;
}

// proc_lock is held.
static struct itimerval get(struct process *p, int which)
{
    const struct itimer *it = &p->itimers[which];
    u64 left = it->at ? MAX(remaining(p, which), NS_PER_USEC) : 0;
    return (struct itimerval){ns_timeval(it->interval), ns_timeval(left)};
}

s64 sys_getitimer(int which, u64 uold)
{
    if ((u32)which > ITIMER_PROF)
        return -EINVAL;
    mutex_lock(&proc_lock);
    struct itimerval old = get(current_process(), which);
    mutex_unlock(&proc_lock);
    return put_user(old, uold);
}

s64 sys_setitimer(int which, u64 unew, u64 uold)
{
    struct process *p = current_process();
    struct itimerval new = {0};
    if (unew && get_user(new, unew))
        return -EFAULT;
    if ((u32)which > ITIMER_PROF || !timeval_ok(&new.value) || !timeval_ok(&new.interval))
        return -EINVAL;
    mutex_lock(&proc_lock);
    struct itimerval old = get(p, which);
    set(p, which, timeval_ns(&new.value), timeval_ns(&new.interval));
    mutex_unlock(&proc_lock);
    return uold ? put_user(old, uold) : 0;
}

s64 sys_alarm(u32 seconds)
{
    struct process *p = current_process();
    mutex_lock(&proc_lock);
    u64 left = p->itimers[ITIMER_REAL].at ? remaining(p, ITIMER_REAL) : 0;
    set(p, ITIMER_REAL, seconds * NS_PER_SEC, 0);
    mutex_unlock(&proc_lock);
    return left && left < NS_PER_SEC ? 1 : (left + NS_PER_SEC / 2) / NS_PER_SEC;
}
