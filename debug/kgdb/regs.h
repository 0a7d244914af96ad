// A thread's registers for gdb. Only during a session.
#pragma once

#include "kernel/base/printk.h"
#include "sched/task.h"

// What gdb reads as target.xml: which registers there are, in the order of 'g'.
void regs_describe(struct text *xml);

// The reply to 'g': all registers. Of a task that is switched out only the callee-saved ones are
// known; the others are "xx".
void regs_reply(struct task *t);
// The packet 'P', "number=value". It can change registers that a trap saves, of a task that runs. A
// write to a debug register changes nothing. 0 or -EINVAL.
int regs_write(const struct task *t, const char *p);
