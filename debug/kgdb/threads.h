// gdb's threads are the kernel's tasks, numbered by their tids. Idle tasks have no tid; their
// numbers begin at IDLE_THREADS. All functions: only during a session.
#pragma once

#include "kernel/base/printk.h"
#include "sched/task.h"

u32 thread_id(const struct task *t);
struct task *thread_find(u64 id); // NULL: there is none
// The CPU that the task runs on, or -1.
s32 thread_cpu(const struct task *t);
// The task that runs on this CPU.
struct task *thread_on(u32 cpu);

// All threads as gdb's XML. A thread for which there is no room is left out.
void thread_list(struct text *xml);
