// gdb's threads are the kernel's tasks, by their tids; the idle tasks, which have none, are counted
// from IDLE_THREADS on. All functions: a session only.
#pragma once

#include "kernel/base/printk.h"
#include "sched/task.h"

u32 thread_id(const struct task *t);
struct task *thread_find(u64 id); // NULL: there is none
// The CPU it runs on, or -1.
s32 thread_cpu(const struct task *t);
// What runs on a CPU.
struct task *thread_on(u32 cpu);

// All threads as gdb's XML; who finds no room is left out.
void thread_list(struct text *xml);
