// A deadline for a task that waits for something else too.
//
//   timeout_start(&to, when);
//   for (;;) { set current's state; test the condition; if (to.expired) ...; schedule(); }
//   timeout_stop(&to);
#pragma once

#include "linux/task/timespec.h"
#include "sched/wait.h"

struct timeout {
    struct timer timer;
    struct task *task;
    bool expired;
};

// Wakes the running task once clock_ns() >= when; NEVER: not at all.
void timeout_start(struct timeout *to, u64 when);
void timeout_stop(struct timeout *to);
