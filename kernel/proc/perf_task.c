// What perf asks about tasks and processes (perf/upcalls.h).
#include "kernel/proc/process.h"
#include "perf/upcalls.h"

u32 perf_task_pid(const struct task *t)
{
    return t->process ? t->process->pid : t->tid;
}

u32 perf_parent_pid(void)
{
    const struct process *p = current_process();
    if (!p)
        return 0;
    spin_lock(&proc_lock);
    u32 pid = p->parent->pid;
    spin_unlock(&proc_lock);
    return pid;
}

// Sent and not forced: while it is blocked it stays pending, marked as late, and kills nobody.
void perf_signal_trap(u64 addr, u32 type, u64 data)
{
    bool blocked = current_thread()->blocked & SIG_BIT(SIGTRAP);
    struct siginfo info = {
        .code = TRAP_PERF,
        .perf = {.addr = addr,
                 .data = data,
                 .type = type,
                 .flags = blocked ? TRAP_PERF_FLAG_ASYNC : 0},
    };
    signal_task(current_task(), SIGTRAP, &info);
}
