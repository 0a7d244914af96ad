// The answers to linux/perf's upcalls about tasks and processes (linux/perf/upcalls.h).
#include "linux/task/process.h"
#include "linux/perf/upcalls.h"

u32 perf_task_pid(const struct task *t)
{
    return t->process ? t->process->pid : t->tid;
}

u32 perf_parent_pid(void)
{
    const struct process *p = current_process();
    if (!p)
        return 0;
    mutex_lock(&proc_lock);
    u32 pid = p->parent->pid;
    mutex_unlock(&proc_lock);
    return pid;
}

// The signal is sent and not forced. While the task blocks it, it stays pending and is marked as
// late. It does not kill the task.
void perf_signal_trap(u64 addr, u32 type, u64 data)
{
    struct siginfo queued, *now = signal_self(SIGTRAP), *info = now ? now : &queued;
    bool blocked = current_thread()->blocked & SIG_BIT(SIGTRAP);
    info->signo = SIGTRAP;
    info->err = info->pad = 0;
    info->code = TRAP_PERF;
    info->perf.addr = addr;
    info->perf.data = data;
    info->perf.type = type;
    info->perf.flags = blocked ? TRAP_PERF_FLAG_ASYNC : 0;
    info->perf.reserved = 0;
    if (now)
        return;
    current_process()->unkillable = false; // its own action may end even the first program
    signal_task(current_task(), SIGTRAP, info);
}
