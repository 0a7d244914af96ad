// Validation: what may be watched, and what must never be.
#include "hwbp/validate.h"
#include "kernel/base/errno.h"

struct area {
    u64 start, end; // end exclusive
};

static bool overlaps(u64 first, u64 last, struct area a)
{
    return first < a.end && last >= a.start;
}

// The CPU itself, or the #DB entry, uses these while breakpoints are on: GDT, IDT, TSS and per-CPU
// data (all in the protected section), and every kernel stack, because the exception frame is
// pushed there. A breakpoint on them would hit again while its #DB is delivered, without end.
static bool data_is_protected(u64 first, u64 last)
{
    struct area data = {(u64)__protected_data_start, (u64)__protected_data_end};
    struct area stacks = {KSTACK_BASE, KSTACK_END};
    return overlaps(first, last, data) || overlaps(first, last, stacks);
}

static bool is_protected(u64 first, u64 last, bool execute)
{
    struct area text = {(u64)__protected_text_start, (u64)__protected_text_end};
    return data_is_protected(first, last) || (execute && overlaps(first, last, text));
}

static int parse_execute(const struct perf_event_attr *attr, struct hw_breakpoint *bp)
{
    // The ABI has only this length for them, although the register's LEN says 1 byte.
    if (attr->bp_len != sizeof(long))
        return -EINVAL;
    bp->type = DR_EXECUTE;
    bp->len = 1;
    return 0;
}

static int parse_data(const struct perf_event_attr *attr, struct hw_breakpoint *bp)
{
    u64 len = attr->bp_len;
    if (len == 0 || (len & (len - 1)) || (attr->bp_addr & (len - 1)))
        return -EINVAL;
    if (len > 8)
        return -EOPNOTSUPP; // wants an address mask, which only some AMD CPUs have
    bp->type = attr->bp_type == HW_BREAKPOINT_W ? DR_WRITE : DR_READ_WRITE;
    bp->len = len;
    return 0;
}

int hwbp_parse(const struct perf_event_attr *attr, struct hw_breakpoint *bp)
{
    u64 first = attr->bp_addr, last = first + attr->bp_len - 1;
    int err;
    if (last < first)
        return -EINVAL;
    switch (attr->bp_type) {
    case HW_BREAKPOINT_X:
        err = parse_execute(attr, bp);
        break;
    case HW_BREAKPOINT_W:
    case HW_BREAKPOINT_RW:
        err = parse_data(attr, bp);
        break;
    default: // EMPTY, INVALID, and R alone: x86 has no such condition (SDM vol. 3, 18.2.4)
        return -EINVAL;
    }
    if (err)
        return err;
    last = first + bp->len - 1; // an execute one looks at one byte, whatever its length is called
    if (last >= TASK_SIZE_MAX &&
        (attr->exclude_kernel || is_protected(first, last, bp->type == DR_EXECUTE)))
        return -EINVAL;
    bp->addr = first;
    return 0;
}
