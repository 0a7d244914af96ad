// Validation: what may be watched, and what must never be.
#include "hwbp/bp.h"
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

static int refuse(const char **why, int err, const char *words)
{
    *why = words;
    return err;
}

static int parse_execute(const struct perf_event_attr *attr, struct hw_breakpoint *bp,
                         const char **why)
{
    // The ABI has only this length for them, although the register's LEN says 1 byte.
    if (attr->bp_len != sizeof(long))
        return refuse(why, -EINVAL, "the length of an x breakpoint is always 8");
    bp->type = DR_EXECUTE;
    bp->len = 1;
    return 0;
}

static int parse_data(const struct perf_event_attr *attr, struct hw_breakpoint *bp,
                      const char **why)
{
    u64 len = attr->bp_len;
    if (len == 0 || (len & (len - 1)))
        return refuse(why, -EINVAL, "the length must be 1, 2, 4 or 8");
    if (attr->bp_addr & (len - 1))
        return refuse(why, -EINVAL, "the address is not a multiple of the length");
    if (len > 8) // only some AMD CPUs have a mask
        return refuse(why, -EOPNOTSUPP, "more than 8 bytes need an address mask");
    bp->type = attr->bp_type == HW_BREAKPOINT_W ? DR_WRITE : DR_READ_WRITE;
    bp->len = len;
    return 0;
}

static int parse_type(const struct perf_event_attr *attr, struct hw_breakpoint *bp,
                      const char **why)
{
    switch (attr->bp_type) {
    case HW_BREAKPOINT_X:
        return parse_execute(attr, bp, why);
    case HW_BREAKPOINT_W:
    case HW_BREAKPOINT_RW:
        return parse_data(attr, bp, why);
    case HW_BREAKPOINT_R: // SDM vol. 3, 18.2.4
        return refuse(why, -EINVAL, "x86 has no condition for reads alone: take rw");
    default:
        return refuse(why, -EINVAL, "the type is not w, rw or x");
    }
}

int hwbp_parse(const struct perf_event_attr *attr, struct hw_breakpoint *bp, const char **why)
{
    u64 first = attr->bp_addr, last = first + attr->bp_len - 1;
    if (attr->bp_len && last < first)
        return refuse(why, -EINVAL, "the bytes go past the end of the addresses");
    int err = parse_type(attr, bp, why);
    if (err)
        return err;
    last = first + bp->len - 1; // an execute one looks at one byte, whatever its length is called
    if (last >= TASK_SIZE_MAX && attr->exclude_kernel)
        return refuse(why, -EINVAL, "an address of the kernel, with exclude_kernel");
    if (last >= TASK_SIZE_MAX && is_protected(first, last, bp->type == DR_EXECUTE))
        return refuse(why, -EINVAL, "the handling of #DB uses this area itself");
    bp->addr = first;
    return 0;
}
