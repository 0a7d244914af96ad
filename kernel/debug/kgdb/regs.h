// A thread's registers. A session only.
#pragma once

#include "sched/task.h"

// What gdb reads as target.xml: which registers there are, in the order of 'g'. Returns the length.
size_t regs_describe(char *buf, size_t size);

// The reply to 'g': all of them. Of a task that is switched out only those that a function keeps
// for its caller are known.
void regs_reply_all(struct task *t);
// 'p': one.
void regs_reply_one(struct task *t, u64 number);
// 'G', 'P': only of a task that runs, and only those that a trap saves. 0 or -EINVAL.
int regs_write_all(struct task *t, const char *hex);
int regs_write_one(struct task *t, u64 number, const char *hex);
