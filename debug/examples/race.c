// A race finder, after DataCollider (Erickson and others, OSDI 2010).
//
// An execute breakpoint stops an access. Its callback puts a watchpoint on what the access is about
// to touch, waits, and takes it away again. So the access that is held up never hits it.
#include "arch/x86/context.h"
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "arch/x86/trap.h"
#include "debug/examples/race.h"
#include "debug/retarget.h"
#include "kernel/base/cmdline.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "linux/sched/timer.h"

#define HOLD_NS 2000000ull  // an access is held up for so long
#define WAIT_NS 50000000ull // for somebody to make the access at all
#define LOOK_NS 500000ull   // how often the finder looks whether that has happened
#define ROUNDS  4u

static const struct race_access *accesses;
static u32 nr_accesses;
static u64 met[RACE_MAX];     // bits: who came while this one was held up
static u64 nowhere;           // the watchpoint is here while no access is held up
static struct retarget mover; // of the watchpoint

enum state { AWAITED, HELD, OVER };

// The access whose turn it is.
static struct {
    const struct race_access *access;
    enum state state; // atomic
    u64 addr;         // what it is about to touch
    u64 by;           // the instruction behind the one that came; 0: nobody; atomic
    u32 cpu, by_cpu;  // where both were
} turn;

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
    while (!__atomic_load_n(&turn.by, __ATOMIC_ACQUIRE) && clock_ns() < end)
        cpu_pause();
}

// Before the access, inside #DB; later ones pass. This CPU's own part of the watchpoint moves when
// IRQs are on again. By then it has nowhere to go.
static void on_access(struct perf_event *, struct trapframe *regs)
{
    enum state awaited = AWAITED;
    if (!__atomic_compare_exchange_n(&turn.state, &awaited, HELD, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return;
    turn.cpu = cpu_id();
    turn.addr = address_of(turn.access, regs);
    if (hwbp_wide_retarget(&mover, turn.addr) == 0) { // or it may not be watched
        hold_up();
        hwbp_wide_retarget(&mover, (u64)&nowhere);
    }
    __atomic_store_n(&turn.state, OVER, __ATOMIC_RELEASE);
}

// Behind the access of another CPU, inside #DB. A CPU that still has the watchpoint when nobody is
// held up any more comes too late: that is no race.
static void on_touch(struct perf_event *, struct trapframe *regs)
{
    u64 nobody = 0;
    if (__atomic_load_n(&turn.state, __ATOMIC_ACQUIRE) == HELD &&
        __atomic_compare_exchange_n(&turn.by, &nobody, regs->rip, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED))
        turn.by_cpu = cpu_id();
}

// ---- the finder, a task ----

static const char *kind(u32 i)
{
    return i == nr_accesses ? "access" : accesses[i].write ? "write" : "read";
}

// A pair is logged once, whichever of the two was held up. Of accesses that are not in the list,
// one is logged for each that is.
static void report(void)
{
    u32 i = turn.access - accesses, j = 0;
    while (j < nr_accesses && accesses[j].ip + accesses[j].size != turn.by)
        j++;
    u32 mate = j < nr_accesses ? j : i;
    bool known = met[i] & BIT(mate) || met[mate] & BIT(i);
    met[i] |= BIT(mate);
    if (!known)
        printk("RACE: %pS: %s by %pS on CPU %u, %s by %pS on CPU %u\n", (void *)turn.addr, kind(i),
               (void *)accesses[i].ip, turn.cpu, kind(j),
               (void *)(j < nr_accesses ? accesses[j].ip : turn.by), turn.by_cpu);
}

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
static int take_turn(const struct race_access *a)
{
    turn = (typeof(turn)){.access = a};
    struct hwbp_wide *watch = make((u64)&nowhere, conflicting(a), a->len, on_touch);
    if (IS_ERR(watch))
        return PTR_ERR(watch);
    struct hwbp_wide *code = make(a->ip, HW_BREAKPOINT_X, sizeof(long), on_access);
    if (!IS_ERR(code)) {
        retarget_begin(&mover, watch);
        hwbp_wide_enable(watch);
        hwbp_wide_enable(code);
        u64 end = clock_ns() + WAIT_NS;
        while (__atomic_load_n(&turn.state, __ATOMIC_ACQUIRE) != OVER && clock_ns() < end)
            sched_sleep_until(clock_ns() + LOOK_NS, false);
        hwbp_unregister_wide(code);
        retarget_end(&mover);
    }
    hwbp_unregister_wide(watch);
    if (turn.by)
        report();
    return IS_ERR(code) ? PTR_ERR(code) : 0;
}

int race_find(const struct race_access *list, u32 n, u32 rounds)
{
    accesses = list;
    nr_accesses = n;
    memset(met, 0, sizeof(met));
    int err = 0;
    for (u32 i = 0; i < n * rounds && !err; i++)
        err = take_turn(&list[i % n]);
    return err;
}

u64 race_met(u32 i)
{
    return met[i];
}

// How many accesses the text has, which is cut into words; 0: it is no list.
static u32 read_list(char *text, struct race_access *list)
{
    u32 n = 0, each = sizeof(*list) / sizeof(u64);
    while (text && n < RACE_MAX * each) {
        char *end = strchr(text, ',');
        if (end)
            *end++ = '\0';
        if (!parse_u64(text, (u64 *)list + n++))
            return 0;
        text = end;
    }
    return text || n % each ? 0 : n / each;
}

void race_run(void *)
{
    static struct race_access list[RACE_MAX];
    static char text[CMDLINE_SIZE];
    if (!cmdline_get("race", text, sizeof(text)))
        return;
    u32 n = read_list(text, list);
    int err = n ? race_find(list, n, ROUNDS) : -EINVAL;
    if (err)
        printk("race: error %d\n", -err);
    else
        printk("race: each of %u accesses had %u turns\n", n, ROUNDS);
}

void race_start(void)
{
    char unused[1];
    struct task *t = NULL;
    if (cmdline_get("race", unused, sizeof(unused)))
        t = kthread_create("race", race_run, NULL, CPUMASK_ALL);
    if (t)
        task_put(t);
}
