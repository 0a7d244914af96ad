// Call chains by frame pointers: the kernel's part, then the program's.
#include "linux/perf/callchain.h"
#include "arch/x86/uaccess.h"
#include "linux/perf/machine.h"
#include "linux/perf/words.h"

// Follows the program's frames wherever they lead, as Linux does. It ends after `max` frames.
static u32 walk_user(const struct trapframe *regs, u64 *ips, u32 max)
{
    struct {
        u64 next, ret;
    } frame;
    u64 rbp = regs->rbp;
    u32 n = 0;
    if (n < max)
        ips[n++] = regs->rip;
    while (n < max && !copy_from_user_atomic(&frame, rbp, sizeof(frame))) {
        ips[n++] = frame.ret;
        rbp = frame.next;
    }
    return n;
}

void perf_put_callchain(struct words *w, const struct perf_event_attr *attr,
                        const struct trapframe *regs)
{
    u32 max = MIN(attr->sample_max_stack, PERF_MAX_STACK), n = 0;
    const struct trapframe *user = perf_user_regs(regs);
    u64 *count = words_room(w, 1 + PERF_CALLCHAIN_WORDS), *ips = count + 1;
    if (regs != user && !attr->exclude_callchain_kernel) {
        ips[n++] = PERF_CONTEXT_KERNEL;
        n += backtrace_kernel(regs->rip, regs->rbp, ips + n, max);
        max -= n - 1;
    }
    if (user && !attr->exclude_callchain_user && max) {
        ips[n++] = PERF_CONTEXT_USER;
        n += walk_user(user, ips + n, max);
    }
    *count = n;
    w->at = ips + n;
}
