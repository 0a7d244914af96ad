// Reads a perf_event_attr from user memory, of older and newer sizes, and checks its parts
// (perf_event_open(2)).
#include "arch/x86/uaccess.h"
#include "kernel/base/string.h"
#include "linux/perf/machine.h"
#include "linux/perf/perf.h"
#include "linux/perf/sample.h"

#define PERF_ATTR_SIZE_VER0 64u           // up to bp_addr
#define SAMPLE_TYPE_KNOWN   (BIT(25) - 1) // PERF_SAMPLE_MAX of Linux 6.12
#define READ_FORMAT_KNOWN   0x1full
#define ATTR_SIZE_OFFSET    offsetof(struct perf_event_attr, size)

static int refuse_size(u64 uattr)
{
    u32 known = sizeof(struct perf_event_attr);
    return put_user(known, uattr + ATTR_SIZE_OFFSET) ? -EFAULT : -E2BIG;
}

// A newer program may pass a longer structure, if the part that this kernel does not know is zero.
static int check_tail(u64 uattr, u32 size)
{
    u8 byte;
    for (u32 i = sizeof(struct perf_event_attr); i < size; i++) {
        if (get_user(byte, uattr + i))
            return -EFAULT;
        if (byte)
            return refuse_size(uattr);
    }
    return 0;
}

// True if a mask of sample_regs_user or sample_regs_intr has registers, and known ones only. Bits
// from 32 on stand for registers that only some PMUs have. They are not looked at.
static bool regs_known(u64 mask)
{
    return mask && !((u32)mask & ~PERF_REGS_KNOWN);
}

static bool sample_known(const struct perf_event_attr *a)
{
    u64 type = a->sample_type, branch = a->branch_sample_type;
    if ((type & PERF_SAMPLE_BRANCH_STACK) &&
        (branch >= PERF_SAMPLE_BRANCH_MAX || !(branch & ~(u64)PERF_SAMPLE_BRANCH_PLM_ALL)))
        return false;
    if ((type & PERF_SAMPLE_REGS_USER) && !regs_known(a->sample_regs_user))
        return false;
    if ((type & PERF_SAMPLE_STACK_USER) &&
        (a->sample_stack_user >= 0xffff || a->sample_stack_user % sizeof(u64)))
        return false;
    if ((type & PERF_SAMPLE_REGS_INTR) && !regs_known(a->sample_regs_intr))
        return false;
    return (type & PERF_SAMPLE_WEIGHTS) != PERF_SAMPLE_WEIGHTS;
}

static int check(const struct perf_event_attr *a)
{
    if (a->reserved_flags || a->reserved_2 || a->reserved_3)
        return -EINVAL;
    if ((a->sample_type & ~SAMPLE_TYPE_KNOWN) || (a->read_format & ~READ_FORMAT_KNOWN) ||
        !sample_known(a))
        return -EINVAL;
    if ((a->inherit_thread && !a->inherit) || (a->remove_on_exec && a->enable_on_exec) ||
        (a->sigtrap && !a->remove_on_exec))
        return -EINVAL;
    if (a->freq ? a->sample_period > perf_max_sample_rate() : a->sample_period >> 63)
        return -EINVAL;
    // Without the task's id nobody could tell the counts of different copies apart.
    if (a->inherit && (a->sample_type & PERF_SAMPLE_READ) && !(a->sample_type & PERF_SAMPLE_TID))
        return -EINVAL;
    return 0;
}

int perf_copy_attr(u64 uattr, struct perf_event_attr *attr)
{
    u32 size;
    if (get_user(size, uattr + ATTR_SIZE_OFFSET))
        return -EFAULT;
    if (size == 0)
        size = PERF_ATTR_SIZE_VER0;
    if (size < PERF_ATTR_SIZE_VER0 || size > PAGE_SIZE)
        return refuse_size(uattr);
    int err = check_tail(uattr, size);
    if (err)
        return err;
    size_t known = MIN(size, sizeof(*attr));
    if (copy_from_user(attr, uattr, known))
        return -EFAULT;
    if (known < sizeof(*attr))
        memset((u8 *)attr + known, 0, sizeof(*attr) - known);
    attr->size = size;
    if (!attr->sample_max_stack)
        attr->sample_max_stack = PERF_MAX_STACK;
    return check(attr);
}
