// Timers, and sleeping until a time.
#include "arch/x86/platform.h"
#include "kernel/base/errno.h"
#include "linux/sched/timer.h"
#include "test/kernel/ktest.h"

#define MS       1000000ul
#define PATIENCE (5000 * MS) // what must happen soon has this long, on a slow emulator too

KTEST(sched_sleep, "sched.sleep", NULL)
{
    u64 worst = 0;
    for (u64 ms = 0; ms < 40; ms += 7) {
        u64 until = clock_ns() + ms * MS;
        EXPECT_EQ(sched_sleep_until(until, true), 0);
        u64 now = clock_ns();
        EXPECT(now >= until);
        worst = MAX(worst, now - until);
    }
    EXPECT_EQ(sched_sleep_until(0, true), 0); // the past
    ktest_note("woken at most %lu us late", worst / 1000);
    EXPECT(worst < PATIENCE);
}

static void sleeper(void *arg)
{
    *(int *)arg = sched_sleep_until(clock_ns() + 1000 * PATIENCE, true);
}

KTEST(sched_signal, "sched.interrupt-sleep", NULL)
{
    int result = 0;
    struct task *t = kthread_create("sleeper", sleeper, &result, CPUMASK_ALL);
    while (t->state != TASK_SLEEPING)
        schedule();
    t->signal_pending = true;
    sched_wake_from(t, BIT(TASK_SLEEPING));
    task_join(t);
    task_put(t);
    EXPECT_EQ(result, -EINTR);
}

// ---- timers ----

static struct timer repeating;
static volatile u64 fired;

static void fire(struct timer *t)
{
    fired++;
    timer_start(t, t->when + 1, fire); // long past, but it must not fire twice in one tick
}

KTEST(sched_timer, "sched.timer", NULL)
{
    fired = 0;
    for (int i = 0; i < 5; i++) {
        u64 before = fired, end = clock_ns() + PATIENCE;
        timer_start(&repeating, clock_ns(), fire);
        while (fired < before + 3 && clock_ns() < end)
            schedule();
        EXPECT(fired >= before + 3);
        timer_stop(&repeating);
        EXPECT(!repeating.armed);
        before = fired;
        sched_sleep_until(clock_ns() + 12 * MS, false);
        EXPECT_EQ(fired, before);
    }
}
