// Memory that is out on purpose: see failure.h.
#include "kernel/checks/failure.h"
#include "arch/x86/cpu.h"
#include "kernel/base/string.h"
#include "kernel/mm/page.h"

static struct task *failing_task; // whose allocations count; NULL: off
static u64 countdown;             // written by that task only
static u64 failure_callers[MM_FAILURE_CALLERS];

u64 mm_inject_failure(u64 nth)
{
    u64 left = countdown;
    countdown = nth;
    __atomic_store_n(&failing_task, nth ? current_task() : NULL, __ATOMIC_RELEASE);
    return left;
}

void mm_failure_read_callers(u64 callers[MM_FAILURE_CALLERS])
{
    memcpy(callers, failure_callers, sizeof(failure_callers));
}

static void note_callers(u64 rbp)
{
    u64 ips[MM_FAILURE_CALLERS + 1] = {0}; // the first is what backtrace_kernel() is given
    backtrace_kernel(0, rbp, ips, ARRAY_SIZE(ips));
    memcpy(failure_callers, ips + 1, sizeof(failure_callers));
}

bool mm_failure_due(void)
{
    struct task *t = __atomic_load_n(&failing_task, __ATOMIC_ACQUIRE);
    if (likely(!t) || t != current_task() || this_cpu()->irq_depth || --countdown)
        return false;
    __atomic_store_n(&failing_task, NULL, __ATOMIC_RELEASE);
    note_callers((u64)__builtin_frame_address(0));
    return true;
}
