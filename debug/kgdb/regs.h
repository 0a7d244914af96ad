// A thread's registers. A session only.
#pragma once

#include "kernel/base/printk.h"
#include "sched/task.h"

// What gdb reads as target.xml: which registers there are, in the order of 'g'.
void regs_describe(struct text *xml);

// The reply to 'g': all of them. Of a task that is switched out only those that a function keeps
// for its caller are known.
void regs_reply(struct task *t);
// 'P', "number=value": only of a task that runs, and only those that a trap saves; in the debug
// registers it changes nothing. 0 or -EINVAL.
int regs_write(const struct task *t, const char *p);
