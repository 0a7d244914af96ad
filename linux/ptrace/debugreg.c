// A thread's debug registers as tracers write them: perf events of that thread, one for each
// register in use. They outlive the tracer, as on Linux, and go when the thread executes a program
// or ends.
//
// DRn gets its event, disabled, with the first address that is written to it, or with the first DR7
// that enables it. From then on the event keeps its slot and is modified. An event that is on is
// modified at once. One that is off is modified when it is enabled again, because a debugger writes
// several registers for one change.
#include "hwbp/hwbp.h"
#include "arch/x86/user/dr7.h"
#include "kernel/mm/heap.h"
#include "linux/ptrace/tracee.h"

// From enum dr_type to perf's types. 0: perf has none.
static const u8 perf_type[] = {
    [DR_EXECUTE] = HW_BREAKPOINT_X,
    [DR_WRITE] = HW_BREAKPOINT_W,
    [DR_READ_WRITE] = HW_BREAKPOINT_RW,
};

static u64 perf_len(u8 type, u8 len)
{
    return type == DR_EXECUTE ? sizeof(long) : len;
}

// Runs in #DB. There is no throttle, because a tracee stops at every hit, which is slow enough.
static void hit(struct perf_event *event, struct trapframe *regs)
{
    struct ptrace_debugregs *d = event->overflow_arg;
    (void)regs;
    for (int n = 0; n < HBP_NUM; n++)
        if (d->event[n] == event)
            d->hits |= BIT(n);
}

static struct perf_event *make(struct thread *th, u64 addr, u8 type, u8 len)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_BREAKPOINT,
        .size = sizeof(attr),
        .pinned = 1,
        .exclude_kernel = 1,
        .bp_type = perf_type[type],
        .bp_addr = addr,
        .bp_len = perf_len(type, len),
    };
    struct perf_event *event =
        perf_event_create_kernel_counter(&attr, -1, th->task, hit, th->debugregs);
    if (!IS_ERR(event))
        bp_of(event)->traps = true;
    return event;
}

// Whether `len` bytes at addr may be watched with exclude_kernel: aligned, and the program's.
static bool in_user(u64 addr, u8 len)
{
    return !(addr & (len - 1u)) && addr < TASK_SIZE_MAX;
}

// Gives register n this address, and the condition that dr7 has for it. 0, or an error of
// ptrace_set_debugreg().
static int set(struct thread *th, int n, u64 addr, u64 dr7)
{
    struct ptrace_debugregs *d = th->debugregs;
    struct perf_event *event = d->event[n];
    u8 type, len;
    bool on = dr7_decode(dr7, n, &type, &len);
    int err = 0;
    if (!perf_type[type] || (type == DR_EXECUTE && len != 1))
        return -EINVAL;
    if (!event) {
        event = make(th, addr, type, len);
        if (IS_ERR(event))
            return PTR_ERR(event);
        d->event[n] = event;
        d->used |= DR7_SLOT_BITS(n);
    } else if (!on) {
        err = in_user(addr, len) ? 0 : -EINVAL;
    } else if (bp_of(event)->addr != addr || bp_of(event)->type != type ||
               bp_of(event)->len != len) {
        err = hwbp_modify(event, addr, perf_type[type], perf_len(type, len));
    }
    if (err)
        return err;
    d->addr[n] = addr;
    if (on)
        perf_event_enable(event);
    else
        perf_event_disable(event);
    return 0;
}

static int set_address(struct thread *th, int n, u64 addr)
{
    struct ptrace_debugregs *d = th->debugregs;
    u8 type, len;
    if (!d->event[n]) { // until DR7 says something else, it watches a byte for writes
        u64 first = dr7_encode(n, DR_WRITE, 1) & ~DR7_ENABLE_BITS(n);
        int err = set(th, n, addr, first);
        d->control |= err ? 0 : first;
        return err;
    }
    if (dr7_decode(d->control, n, &type, &len))
        return set(th, n, addr, d->control);
    if (!in_user(addr, len))
        return -EINVAL;
    d->addr[n] = addr;
    return 0;
}

// Undoes a DR7 that was refused. Registers that were enabled are as before. Conditions of disabled
// registers are not put back: they become execute breakpoints, which take any address. Registers
// that were not used before keep their new events. Linux does the same.
static void put_back(struct thread *th)
{
    struct ptrace_debugregs *d = th->debugregs;
    for (int n = 0; n < HBP_NUM; n++) {
        if (!d->event[n])
            continue;
        if (!(d->control & DR7_ENABLE_BITS(n)))
            d->control &= ~DR7_SLOT_BITS(n);
        if (set(th, n, d->addr[n], d->control))
            panic("ptrace: DR7 was %lx, and is now refused for register %d", d->control, n);
    }
}

static int set_dr7(struct thread *th, u64 dr7)
{
    struct ptrace_debugregs *d = th->debugregs;
    // As on Linux, a wrong condition of a register that is not used or enabled is no error.
    u64 news = ((dr7 ^ d->control) & d->used) | (dr7 & ~d->used & DR7_ENABLE_ALL);
    for (int n = 0; news; n++) {
        if (!(news & DR7_SLOT_BITS(n)))
            continue;
        int err = set(th, n, d->addr[n], dr7);
        if (err) {
            put_back(th);
            return err;
        }
        news &= ~DR7_SLOT_BITS(n);
    }
    d->control = dr7 & d->used;
    d->dr7 = dr7;
    return 0;
}

static int set_any(struct thread *th, u32 n, u64 value)
{
    return n == 7 ? set_dr7(th, value) : set_address(th, n, value);
}

// The first write to a register of this thread. It is not inline, so that the others need no frame.
static __attribute__((noinline)) int set_first(struct thread *th, u32 n, u64 value)
{
    th->debugregs = kalloc(sizeof(*th->debugregs));
    return th->debugregs ? set_any(th, n, value) : -ENOMEM;
}

int ptrace_set_debugreg(struct tracee *tr, u32 n, u64 value)
{
    struct thread *th = tracee_thread(tr);
    if (n == 6) {
        th->debug_status = value ^ DR6_ACTIVE_LOW;
        return 0;
    }
    if (!HWBP || (n >= HBP_NUM && n != 7))
        return -EIO; // Linux's error for registers that do not exist
    return th->debugregs ? set_any(th, n, value) : set_first(th, n, value);
}

u64 ptrace_get_debugreg(const struct tracee *tr, u32 n)
{
    const struct thread *th = tracee_thread(tr);
    const struct ptrace_debugregs *d = th->debugregs;
    if (n == 6)
        return th->debug_status ^ DR6_ACTIVE_LOW;
    if (!d)
        return 0;
    return n < HBP_NUM ? d->addr[n] : n == 7 ? d->dr7 : 0;
}

u64 ptrace_take_hits(struct thread *th)
{
    struct ptrace_debugregs *d = th->debugregs;
    u64 hits = d ? d->hits : 0;
    if (d)
        d->hits = 0;
    return hits;
}

void ptrace_flush(void)
{
    struct thread *th = current_thread();
    struct ptrace_debugregs *d = th->debugregs;
    th->debug_status = 0;
    if (!d)
        return;
    th->debugregs = NULL;
    for (int n = 0; n < HBP_NUM; n++)
        if (d->event[n])
            perf_event_release_kernel(d->event[n]);
    kfree(d);
}
