// Times and deadlines of system calls. A task that waits for something until a deadline does this:
//
//   timeout_start(&to, when);
//   for (;;) { set current's state; test the condition; if (to.expired) ...; schedule(); }
//   timeout_stop(&to);
#pragma once

#include "linux/task/timespec.h"
#include "linux/sched/timer.h"
#include "sched/wait.h"

struct timeout {
    struct timer timer;
    struct task *task;
    bool expired;
};

// Wakes the running task when clock_ns() >= when. With NEVER it never wakes the task. With 0 the
// timeout has expired already. Timers run at ticks, so the resolution is one tick.
void timeout_start(struct timeout *to, u64 when);
void timeout_stop(struct timeout *to);

// ---- time.c ----

// The value of clock_ns() at this time of CLOCK_REALTIME, both in ns. NEVER stays NEVER.
u64 realtime_to_ns(u64 realtime);
// The ns from now until this moment of clock_ns(), at least 0.
u64 time_left(u64 until);

// Reads a program's struct timespec into ns. 0, -EFAULT, -EINVAL. Task context.
int get_timespec(u64 *ns, u64 uspec);
// The same for a time that begins now. *until is the moment of clock_ns() when it is over. *until
// is NEVER when utimeout is 0, and 0 when the time is zero.
int get_deadline(u64 *until, u64 utimeout);
