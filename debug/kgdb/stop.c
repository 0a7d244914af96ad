// All CPUs stop, all go on: see stop.h.
#include "arch/x86/platform.h"
#include "debug/kgdb/breaks.h"
#include "debug/kgdb/session.h"
#include "debug/kgdb/step.h"
#include "debug/kgdb/stop.h"
#include "kernel/base/spinlock.h"

enum where {
    RUNS,
    WAITS,  // it has a stop of its own to report
    PARKED, // it stays until it is told to leave
    HELD,   // it stays while another CPU makes a step, but not if that takes too long
};

enum order { STAY, ARM, LEAVE };

// One for each CPU. `where` and `order` are atomic. The leader gives an order, and the CPU answers
// by STAY.
static struct {
    struct trapframe *regs; // NULL: the CPU runs
    u64 *dr7;               // DR7 as its dr_pause() found it
    u32 where, order;
    bool nmi_due;
    bool in_db; // the CPU was stopped inside the handler of a #DB
} stops[MAX_CPUS] __protected_bss;

// The leader, NOBODY, or HOLD(cpu): the CPU that steps while the others are held.
#define NOBODY    (-1)
#define HOLD(cpu) (-2 - (s32)(cpu))
static s32 lead __protected_data = NOBODY;

static u64 hold_until __protected_bss;  // a value of the TSC
static bool stopping __protected_bss;   // an NMI that comes now stops its CPU
static u32 nr_sessions __protected_bss; // how many there have been

// ---- orders ----

static __protected_text u32 get(const u32 *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static __protected_text void set(u32 *p, u32 value)
{
    __atomic_store_n(p, value, __ATOMIC_RELEASE);
}

static __protected_text bool change(u32 *p, u32 from, u32 to)
{
    return __atomic_compare_exchange_n(p, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static __protected_text bool lead_becomes(s32 from, s32 to)
{
    return __atomic_compare_exchange_n(&lead, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

// Looks for an order once, and carries it out. True if the order is to leave.
static __protected_text bool obey(u32 me)
{
    u32 order = get(&stops[me].order);
    if (order == ARM) { // none of gdb's breakpoints is anywhere now
        kgdb_breaks_apply(stops[me].regs, stops[me].dr7);
        set(&stops[me].order, STAY);
    }
    return order == LEAVE;
}

// `where` is set first: an NMI in here must not park this CPU a second time. `regs` is set last,
// because the leader waits for it.
static __protected_text void comes(u32 me, struct trapframe *f, u64 *dr7, enum where where)
{
    set(&stops[me].where, where);
    stops[me].dr7 = dr7;
    stops[me].in_db = this_cpu()->dr.in_db;
    __atomic_store_n(&stops[me].regs, f, __ATOMIC_RELEASE);
}

static __protected_text void goes(u32 me)
{
    stops[me].regs = NULL;
    set(&stops[me].where, RUNS);
    set(&stops[me].order, STAY); // last, because the leader waits for it
}

static __protected_text bool hold_is_over(void)
{
    return (s64)(rdtsc() - hold_until) > 0;
}

// Waits until this CPU is told to leave.
static __protected_text void stay(u32 me)
{
    while (!obey(me)) {
        if (get(&stops[me].where) == HELD && hold_is_over() && change(&stops[me].where, HELD, RUNS))
            break;
        cpu_pause();
    }
}

__protected_text enum die_answer kgdb_park(struct trapframe *f, u64 *dr7)
{
    u32 me = cpu_id();
    if (!__atomic_exchange_n(&stops[me].nmi_due, false, __ATOMIC_SEQ_CST))
        return DIE_DONE;
    if (!__atomic_load_n(&stopping, __ATOMIC_SEQ_CST) || get(&stops[me].where) != RUNS)
        return DIE_STOP; // the NMI came too late, or this CPU waits already
    comes(me, f, dr7, PARKED);
    stay(me);
    goes(me);
    return DIE_STOP;
}

struct trapframe *kgdb_frame(u32 cpu)
{
    return stops[cpu].regs;
}

bool kgdb_in_db(u32 cpu)
{
    return stops[cpu].in_db;
}

__protected_text bool kgdb_inside(void)
{
    return stops[cpu_id()].regs;
}

// ---- the leader ----

static void round_up(u32 me)
{
    __atomic_store_n(&stopping, true, __ATOMIC_SEQ_CST);
    for (u32 i = 0; i < nr_cpus; i++) {
        if (i == me || change(&stops[i].where, HELD, PARKED) || get(&stops[i].where) != RUNS)
            continue;
        __atomic_store_n(&stops[i].nmi_due, true, __ATOMIC_SEQ_CST);
        lapic_send_nmi(cpus[i].apic_id);
    }
    for (u32 i = 0; i < nr_cpus; i++)
        while (!__atomic_load_n(&stops[i].regs, __ATOMIC_ACQUIRE))
            cpu_pause();
}

static __protected_text void await(u32 me)
{
    for (u32 i = 0; i < nr_cpus; i++)
        while (i != me && get(&stops[i].order) != STAY)
            cpu_pause();
}

// All CPUs take gdb's breakpoints before the first one runs.
static void arm_all(u32 me)
{
    for (u32 i = 0; i < nr_cpus; i++)
        if (i != me)
            set(&stops[i].order, ARM);
    kgdb_breaks_apply(stops[me].regs, stops[me].dr7);
    await(me);
}

static __protected_text void release_all(u32 me)
{
    for (u32 i = 0; i < nr_cpus; i++)
        if (i != me)
            set(&stops[i].order, LEAVE);
    await(me);
    goes(me);
    __atomic_store_n(&lead, NOBODY, __ATOMIC_SEQ_CST);
}

static __protected_text void release_one(u32 me, u32 cpu)
{
    hold_until = rdtsc() + kgdb_step_limit;
    for (u32 i = 0; i < nr_cpus; i++)
        if (i != cpu)
            change(&stops[i].where, PARKED, HELD);
    if (cpu == me) {
        goes(me);
        __atomic_store_n(&lead, HOLD(cpu), __ATOMIC_SEQ_CST);
        return;
    }
    set(&stops[me].where, HELD);
    __atomic_store_n(&lead, HOLD(cpu), __ATOMIC_SEQ_CST);
    set(&stops[cpu].order, LEAVE);
    stay(me);
    goes(me);
}

static __protected_text void lead_session(u32 me, const struct stop *why)
{
    struct plan plan = {.step_cpu = -1};
    kgdb_breaks_lift();
    round_up(me);
    CHECKED(spin_pause_checks(true));
    nr_sessions++;
    kgdb_step_end();
    kgdb_session(why, &plan);
    kgdb_breaks_settle();
    arm_all(me);
    CHECKED(spin_pause_checks(false));
    __atomic_store_n(&stopping, false, __ATOMIC_SEQ_CST);
    kgdb_breaks_plant();
    if (plan.alone)
        release_one(me, plan.step_cpu);
    else
        release_all(me);
}

// A reason to stop may have become untrue while this CPU waited for its turn to lead.
static __protected_text bool still_holds(const struct stop *why, u32 sessions_seen)
{
    if (sessions_seen == nr_sessions)
        return true;
    switch (why->kind) {
    case STOP_HWBREAK:
    case STOP_WATCH:
        return kgdb_slot_is(why->slot, why->addr);
    case STOP_SIGNAL:
        return why->signal != KGDB_SIGINT;
    default: // the step was given up, or another CPU has read the line
        return false;
    }
}

__protected_text bool kgdb_stop(struct trapframe *f, const struct stop *why)
{
    u32 me = cpu_id(), sessions_seen = nr_sessions;
    bool leads = false, was_held_for = false;
    if (stops[me].regs)
        return false;
    u64 dr7 = dr_pause();
    comes(me, f, &dr7, WAITS);
    if (why->kind >= STOP_HWBREAK && !why->nested)
        stops[me].in_db = false; // this #DB is the reason for the stop
    while (!leads) {
        s32 seen = __atomic_load_n(&lead, __ATOMIC_ACQUIRE);
        if (seen == NOBODY || seen == HOLD(me) || (seen < NOBODY && hold_is_over()))
            leads = lead_becomes(seen, me);
        was_held_for = seen == HOLD(me);
        if (!leads && obey(me)) {
            if (why->kind == STOP_SWBREAK) // if the breakpoint still stands, it will be met again
                break;
            set(&stops[me].order, STAY);
        }
        cpu_pause();
    }
    if (!leads) {
        goes(me);
    } else if (was_held_for || still_holds(why, sessions_seen)) {
        lead_session(me, why);
    } else {
        goes(me);
        __atomic_store_n(&lead, NOBODY, __ATOMIC_SEQ_CST);
    }
    dr_unpause(dr7);
    return true;
}
