// One access is held up, after DataCollider (Erickson and others, OSDI 2010).
//
// An execute breakpoint stops an access. Its callback puts a watchpoint on what the access is about
// to touch, waits, and takes it away again. So the access that is held up never hits it.
#include "arch/x86/platform.h"
#include "debug/examples/race_turn.h"
#include "kernel/base/errno.h"
#include "linux/sched/timer.h"

#define HOLD_NS 2000000ull  // an access is held up for so long
#define WAIT_NS 50000000ull // for somebody to make the access at all
#define LOOK_NS 500000ull   // how often the finder looks whether that has happened

static u64 address_of(const struct race_access *a, const struct trapframe *regs)
{
    return a->disp + (a->base < 15 ? ((const u64 *)regs)[a->base] : 0);
}

// Two reads are no race. With a write, each access of somebody else is one.
static u32 conflicting(const struct race_access *a)
{
    return a->write ? HW_BREAKPOINT_RW : HW_BREAKPOINT_W;
}

// Until somebody has come, or the time is up.
static void hold_up(void)
{
    u64 end = clock_ns() + HOLD_NS;
    while (!__atomic_load_n(&race_turn.by, __ATOMIC_ACQUIRE) && clock_ns() < end)
        cpu_pause();
}

// Before the access, inside #DB; later ones pass. This CPU's own part of the watchpoint moves when
// IRQs are on again. By then it has nowhere to go.
static void on_access(struct perf_event *, struct trapframe *regs)
{
    enum race_state awaited = AWAITED;
    if (!__atomic_compare_exchange_n(&race_turn.state, &awaited, HELD, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return;
    race_turn.cpu = cpu_id();
    race_turn.addr = address_of(race_turn.access, regs);
    if (hwbp_wide_retarget(&race_turn.mover, race_turn.addr) == 0) { // or it may not be watched
        hold_up();
        hwbp_wide_retarget(&race_turn.mover, (u64)&race_turn.nowhere);
    }
    __atomic_store_n(&race_turn.state, OVER, __ATOMIC_RELEASE);
}

// Behind the access of another CPU, inside #DB. A CPU that still has the watchpoint when nobody is
// held up any more comes too late: that is no race.
static void on_touch(struct perf_event *, struct trapframe *regs)
{
    u64 nobody = 0;
    if (__atomic_load_n(&race_turn.state, __ATOMIC_ACQUIRE) == HELD &&
        __atomic_compare_exchange_n(&race_turn.by, &nobody, regs->rip, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED))
        race_turn.by_cpu = cpu_id();
}

// ---- in the finder's task ----

static struct hwbp_wide *make(u64 addr, u32 type, u64 len, perf_overflow_fn fn)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_BREAKPOINT, .size = sizeof(attr), .pinned = 1};
    attr.disabled = 1;
    attr.bp_type = type;
    attr.bp_addr = addr;
    attr.bp_len = len;
    return hwbp_register_wide(&attr, fn, NULL);
}

// The breakpoint on the access goes first. From then on nobody moves the watchpoint, and when that
// has gone, nobody is in a callback.
int race_take_turn(const struct race_access *a)
{
    race_turn = (struct race_turn){.access = a};
    struct hwbp_wide *watch = make((u64)&race_turn.nowhere, conflicting(a), a->len, on_touch);
    if (IS_ERR(watch))
        return PTR_ERR(watch);
    struct hwbp_wide *code = make(a->ip, HW_BREAKPOINT_X, sizeof(long), on_access);
    if (!IS_ERR(code)) {
        retarget_begin(&race_turn.mover, watch);
        hwbp_wide_enable(watch);
        hwbp_wide_enable(code);
        u64 end = clock_ns() + WAIT_NS;
        while (__atomic_load_n(&race_turn.state, __ATOMIC_ACQUIRE) != OVER && clock_ns() < end)
            sched_sleep_until(clock_ns() + LOOK_NS, false);
        hwbp_unregister_wide(code);
        retarget_end(&race_turn.mover);
    }
    hwbp_unregister_wide(watch);
    return IS_ERR(code) ? PTR_ERR(code) : 0;
}
