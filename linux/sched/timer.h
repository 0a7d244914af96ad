// One-shot timers, and sleeping until a time.
#pragma once

#include "linux/base/tree.h"
#include "sched/sched.h"

// The tick of the CPU that started a timer runs the timer's function, IRQs off. So the resolution
// is 1 / HZ.
struct timer {
    union {
        struct tree_node node;
        u64 when; // node.key; clock_ns()
    };
    u32 cpu;
    bool armed;
    void (*fn)(struct timer *t);
};
void timer_start(struct timer *t, u64 when, void (*fn)(struct timer *));
// Returns only when fn is not running and will not run.
void timer_stop(struct timer *t);

// Sleeps until clock_ns() >= when. 0, or -EINTR when a signal came and `interruptible`.
int sched_sleep_until(u64 when, bool interruptible);

// Boot CPU, once.
void timers_init(void);
// Runs timers of this CPU that are due. If many are due, it runs some of them. The CPU sends itself
// an interrupt, which runs the rest. IRQs off.
void timers_run(void);
// Gives all timers of this CPU to CPU 0. A timer's function must not call it. IRQs off.
void timers_leave(void);
