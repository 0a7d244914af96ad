// A deadline for a waiting task: see timeout.h.
#include "linux/proc/timeout.h"

static void expire(struct timer *timer)
{
    struct timeout *to = container_of(timer, struct timeout, timer);
    __atomic_store_n(&to->expired, true, __ATOMIC_RELEASE);
    sched_wake(to->task);
}

void timeout_start(struct timeout *to, u64 when)
{
    *to = (struct timeout){.task = current_task(), .expired = !when};
    if (when && when != NEVER)
        timer_start(&to->timer, when, expire);
}

void timeout_stop(struct timeout *to)
{
    if (to->timer.fn)
        timer_stop(&to->timer);
}
