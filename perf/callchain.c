// Call chains by frame pointers: the kernel's part, then the program's.
#include "perf/callchain.h"
#include "arch/x86/context.h"
#include "arch/x86/cpu.h"
#include "arch/x86/uaccess.h"
#include "sched/task.h"

// Only upwards, so that it ends on any garbage.
static u32 walk_user(const struct trapframe *regs, u64 *ips, u32 max)
{
    struct {
        u64 next, ret;
    } frame;
    u64 rbp = regs->rbp, cr2 = read_cr2(); // we may have interrupted who has not read it yet
    u32 n = 0;
    if (n < max)
        ips[n++] = regs->rip;
    while (n < max && !copy_from_user_atomic(&frame, rbp, sizeof(frame)) && frame.ret) {
        ips[n++] = frame.ret;
        if (frame.next <= rbp)
            break;
        rbp = frame.next;
    }
    write_cr2(cr2);
    return n;
}

u32 perf_callchain(const struct perf_event_attr *attr, const struct trapframe *regs, u64 *ips)
{
    u32 max = attr->sample_max_stack ? attr->sample_max_stack : PERF_MAX_STACK, n = 0;
    struct task *t = current_task();
    if (!from_user(regs)) {
        if (!attr->exclude_callchain_kernel) {
            ips[n++] = PERF_CONTEXT_KERNEL;
            n += backtrace_kernel(regs->rip, regs->rbp, ips + n, max);
            max -= n - 1;
        }
        if (!t || !t->mm)
            return n;
        regs = context_user_frame(&t->arch);
    }
    if (!attr->exclude_callchain_user && max) {
        ips[n++] = PERF_CONTEXT_USER;
        n += walk_user(regs, ips + n, max);
    }
    return n;
}
