// A tracee's debug registers: perf events that are its thread's, one for each register in use.
//
// DRn gets its event with the first address written to it, disabled, or with the first DR7 that
// enables it. It keeps its slot from then on, and is modified in place: at once while it is on,
// else when it is enabled again, for a debugger writes several registers for one change.
#include "hwbp/hwbp.h"
#include "hwbp/validate.h"
#include "kernel/debug/ptrace/tracee.h"

#define DR7_TYPE_IO 2u

// What DR7 says of register n. -EINVAL: an I/O breakpoint, or a length that an execute one cannot
// have.
static int decode(u64 dr7, int n, struct ptrace_place *p, bool *enabled)
{
    u8 type, len;
    *enabled = dr7_decode(dr7, n, &type, &len);
    p->len = len;
    switch (type) {
    case DR_EXECUTE:
        p->type = HW_BREAKPOINT_X;
        p->len = sizeof(long);
        return len == 1 ? 0 : -EINVAL;
    case DR_WRITE:
        p->type = HW_BREAKPOINT_W;
        return 0;
    case DR_READ_WRITE:
        p->type = HW_BREAKPOINT_RW;
        return 0;
    case DR7_TYPE_IO:
        return -EINVAL;
    default:
        panic("ptrace: DR7 has no type %u", type);
    }
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

static struct perf_event *make(struct tracee *tr, const struct ptrace_place *p)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_BREAKPOINT,
        .size = sizeof(attr),
        .disabled = 1,
        .pinned = 1,
        .exclude_kernel = 1,
        .bp_type = p->type,
        .bp_addr = p->addr,
        .bp_len = p->len,
    };
    struct perf_event *event = hwbp_register_user(&attr, tr->task, hit, &tr->debug);
    if (!IS_ERR(event))
        event->bp.traps = true;
    return event;
}

static int add(struct tracee *tr, int n, struct perf_event *event, const struct ptrace_place *p)
{
    tr->debug.event[n] = event;
    tr->debug.place[n] = *p;
    return 0;
}

static void enable(struct perf_event *event, bool on)
{
    if (on == !event->attr.disabled)
        return;
    event->attr.disabled = !on;
    if (on)
        perf_event_enable(event);
    else
        perf_event_disable(event);
}

// A register that has an event. 0 or -EINVAL: then nothing has changed.
static int change(struct tracee *tr, int n, const struct ptrace_place *to, bool enabled)
{
    struct perf_event *event = tr->debug.event[n];
    const struct perf_event_attr *is = &event->attr;
    struct perf_event_attr attr = {
        .exclude_kernel = 1, .bp_type = to->type, .bp_addr = to->addr, .bp_len = to->len};
    struct hw_breakpoint bp;
    bool same = is->bp_addr == to->addr && is->bp_type == to->type && is->bp_len == to->len;
    int err = 0;
    if (!enabled)
        err = hwbp_parse(&attr, &bp);
    else if (!same)
        err = hwbp_modify(event, to->addr, to->type, to->len);
    if (err)
        return err;
    tr->debug.place[n] = *to;
    enable(event, enabled);
    return 0;
}

static int set_address(struct tracee *tr, u32 n, u64 addr)
{
    struct perf_event *event = tr->debug.event[n];
    struct ptrace_place to = tr->debug.place[n];
    to.addr = addr;
    if (event)
        return change(tr, n, &to, !event->attr.disabled);
    to = (struct ptrace_place){addr, 1, HW_BREAKPOINT_W};
    event = make(tr, &to);
    return IS_ERR(event) ? PTR_ERR(event) : add(tr, n, event, &to);
}

static int set_condition(struct tracee *tr, int n, u64 dr7)
{
    struct perf_event *event = tr->debug.event[n];
    struct ptrace_place to = {.addr = tr->debug.place[n].addr};
    bool enabled;
    int err = decode(dr7, n, &to, &enabled);
    if (!event && !enabled)
        return 0; // as on Linux, nonsense about an unused register is no error
    if (err)
        return err;
    if (!event) {
        event = make(tr, &to);
        if (IS_ERR(event))
            return PTR_ERR(event);
        add(tr, n, event, &to);
    }
    return change(tr, n, &to, enabled);
}

// DR7 as the events have it. Conditions of disabled ones are not in it: putting it back makes them
// execute breakpoints, which take any address. Linux does the same.
static u64 enabled_dr7(const struct tracee *tr)
{
    u64 dr7 = 0;
    for (int n = 0; n < HBP_NUM; n++) {
        const struct perf_event *event = tr->debug.event[n];
        if (event && !event->attr.disabled)
            dr7 |= dr7_encode(n, event->bp.type, event->bp.len);
    }
    return dr7;
}

static int set_dr7(struct tracee *tr, u64 dr7)
{
    u64 old = enabled_dr7(tr);
    u32 had = 0;
    int err = 0, again;
    for (int n = 0; n < HBP_NUM; n++)
        had |= tr->debug.event[n] ? BIT(n) : 0;
    for (int n = 0; n < HBP_NUM && !err; n++)
        err = set_condition(tr, n, dr7);
    if (!err) {
        tr->debug.dr7 = dr7;
        return 0;
    }
    for (int n = 0; n < HBP_NUM; n++) {
        struct perf_event *event = tr->debug.event[n];
        if (event && !(had & BIT(n))) {
            add(tr, n, NULL, &(struct ptrace_place){0});
            hwbp_unregister(event);
        }
        again = set_condition(tr, n, old);
        if (again)
            panic("ptrace: DR7 was %lx, and is now refused: %d", old, again);
    }
    return err;
}

int ptrace_set_debugreg(struct tracee *tr, u32 n, u64 value)
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
        return tr->debug.place[n].addr;
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
