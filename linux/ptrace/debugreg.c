// A tracee's debug registers: perf events that are its thread's, one for each register in use.
//
// DRn gets its event with the first address written to it, disabled, or with the first DR7 that
// enables it. It keeps its slot from then on, and is modified in place: at once while it is on,
// else when it is enabled again, for a debugger writes several registers for one change.
#include "hwbp/hwbp.h"
#include "hwbp/validate.h"
#include "linux/ptrace/tracee.h"

// enum dr_type to perf's; what has none has 0.
static const u8 perf_type[] = {
    [DR_EXECUTE] = HW_BREAKPOINT_X,
    [DR_WRITE] = HW_BREAKPOINT_W,
    [DR_READ_WRITE] = HW_BREAKPOINT_RW,
};

static u64 perf_len(u8 type, u8 len)
{
    return type == DR_EXECUTE ? sizeof(long) : len;
}

// In #DB. No throttle is before it: a tracee stops at every hit, which slows it down enough.
static void hit(struct perf_event *event, struct trapframe *regs)
{
    struct ptrace_debugregs *d = event->overflow_arg;
    (void)regs;
    for (int n = 0; n < HBP_NUM; n++)
        if (d->event[n] == event)
            d->hits |= BIT(n);
}

static struct perf_event *make(struct tracee *tr, u64 addr, u8 type, u8 len)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_BREAKPOINT,
        .size = sizeof(attr),
        .disabled = 1,
        .pinned = 1,
        .exclude_kernel = 1,
        .bp_type = perf_type[type],
        .bp_addr = addr,
        .bp_len = perf_len(type, len),
    };
    struct perf_event *event = hwbp_register_user(&attr, tr->task, hit, &tr->debug);
    if (!IS_ERR(event))
        bp_of(event)->traps = true;
    return event;
}

static void enable(struct perf_event *event, bool on)
{
    event->attr.disabled = !on;
    if (on)
        perf_event_enable(event);
    else
        perf_event_disable(event);
}

// Register n is to have this address, and what DR7 says of it. 0 or as ptrace_set_debugreg().
static int set(struct tracee *tr, int n, u64 addr, u64 dr7)
{
    struct ptrace_debugregs *d = &tr->debug;
    struct perf_event *event = d->event[n];
    u8 type, len;
    bool on = dr7_decode(dr7, n, &type, &len);
    int err = 0;
    if (!perf_type[type] || (type == DR_EXECUTE && len != 1))
        return -EINVAL;
    if (!event) {
        event = make(tr, addr, type, len);
        if (IS_ERR(event))
            return PTR_ERR(event);
        d->event[n] = event;
        d->used |= DR7_SLOT_BITS(n);
    } else if (!on) {
        err = hwbp_in_user(addr, len) ? 0 : -EINVAL;
    } else if (bp_of(event)->addr != addr || bp_of(event)->type != type ||
               bp_of(event)->len != len) {
        err = hwbp_modify(event, addr, perf_type[type], perf_len(type, len));
    }
    if (err)
        return err;
    d->addr[n] = addr;
    if (on == event->attr.disabled)
        enable(event, on);
    return 0;
}

static int set_address(struct tracee *tr, int n, u64 addr)
{
    struct ptrace_debugregs *d = &tr->debug;
    u8 type, len;
    if (!d->event[n]) { // it watches a byte for writes as long as DR7 says nothing else
        u64 first = dr7_encode(n, DR_WRITE, 1) & ~DR7_ENABLE_BITS(n);
        int err = set(tr, n, addr, first);
        d->control |= err ? 0 : first;
        return err;
    }
    if (dr7_decode(d->control, n, &type, &len))
        return set(tr, n, addr, d->control);
    if (!hwbp_in_user(addr, len))
        return -EINVAL;
    d->addr[n] = addr;
    return 0;
}

// Registers that were enabled are as they were. Conditions of disabled ones are not put back: they
// are execute breakpoints then, which take any address; and those that were not used before keep
// what they have got. Linux does the same.
static void put_back(struct tracee *tr)
{
    struct ptrace_debugregs *d = &tr->debug;
    for (int n = 0; n < HBP_NUM; n++) {
        if (!d->event[n])
            continue;
        if (!(d->control & DR7_ENABLE_BITS(n)))
            d->control &= ~DR7_SLOT_BITS(n);
        if (set(tr, n, d->addr[n], d->control))
            panic("ptrace: DR7 was %lx, and is now refused for register %d", d->control, n);
    }
}

static int set_dr7(struct tracee *tr, u64 dr7)
{
    struct ptrace_debugregs *d = &tr->debug;
    // As on Linux, nonsense about an unused register is no error as long as it is not enabled.
    u64 news = ((dr7 ^ d->control) & d->used) | (dr7 & ~d->used & DR7_ENABLE_ALL);
    for (int n = 0; news; n++) {
        if (!(news & DR7_SLOT_BITS(n)))
            continue;
        int err = set(tr, n, d->addr[n], dr7);
        if (err) {
            put_back(tr);
            return err;
        }
        news &= ~DR7_SLOT_BITS(n);
    }
    d->control = dr7 & d->used;
    d->dr7 = dr7;
    return 0;
}

s64 ptrace_set_debugreg(struct tracee *tr, u32 n, u64 value)
{
    if (!HWBP && n != 6)
        return -EIO; // what Linux says of registers it does not have
    if (n < HBP_NUM)
        return set_address(tr, n, value);
    if (n == 6) {
        tr->debug.virtual = value ^ DR6_ACTIVE_LOW;
        return 0;
    }
    return n == 7 ? set_dr7(tr, value) : -EIO;
}

u64 ptrace_get_debugreg(const struct tracee *tr, u32 n)
{
    if (n < HBP_NUM)
        return tr->debug.addr[n];
    if (n == 6)
        return tr->debug.virtual ^ DR6_ACTIVE_LOW;
    return n == 7 ? tr->debug.dr7 : 0;
}

void ptrace_clear_debugregs(struct tracee *tr)
{
    for (int n = 0; n < HBP_NUM; n++)
        if (tr->debug.event[n])
            hwbp_unregister(tr->debug.event[n]);
    tr->debug = (struct ptrace_debugregs){0};
}
