// Flexible breakpoints: more than there are registers. They take turns, and their counts are
// scaled.
#include "arch/x86/platform.h"
#include "perf/context.h"
#include "test/kernel/bp_test.h"

#define MANY  12
#define TURNS (34 * MANY) // of one measurement

static volatile u64 var[MANY] __aligned(64);
static volatile u64 pinned_var;

static struct perf_event *open_flexible(const volatile void *addr, int cpu, struct task *task)
{
    struct perf_event_attr attr = bp_attr(addr, HW_BREAKPOINT_W, 8);
    attr.pinned = 0;
    return perf_event_create_kernel_counter(&attr, cpu, task, NULL, NULL);
}

// Writes each variable once per round, in a fixed order, until n more turns of the CPU have ended.
// The caller stays on one CPU.
static void write_for_turns(u64 n)
{
    struct perf_event_context *ctx = current_task()->perf_ctx;
    u32 first = ctx->turn;
    while (__atomic_load_n(&ctx->turn, __ATOMIC_RELAXED) - first < n)
        for (int i = 0; i < MANY; i++)
            var[i] = i;
}

// What the writer itself has seen, from before the first reading until after the last.
struct seen {
    u64 rounds, with[MANY]; // all rounds, and those in which the event had a register
    u64 turned, longest;    // when this turn began, and the longest turn, in ns
};

// Writes each variable once. No turn ends meanwhile, so an event counts all of a round or nothing.
static void write_round(struct perf_event **event, struct seen *seen)
{
    u64 flags = irq_save();
    for (int i = 0; i < MANY; i++) {
        var[i] = seen->rounds;
        seen->with[i] += event[i]->state == PERF_ACTIVE;
    }
    seen->rounds++;
    irq_restore(flags);
}

static void see_turn(struct seen *seen)
{
    u64 at = __atomic_load_n(&current_task()->perf_ctx->turned_at, __ATOMIC_RELAXED);
    seen->longest = MAX(seen->longest, at - seen->turned);
    seen->turned = at;
}

static void write_and_see(struct perf_event **event, struct seen *seen)
{
    struct perf_event_context *ctx = current_task()->perf_ctx;
    u32 first = ctx->turn;
    while (__atomic_load_n(&ctx->turn, __ATOMIC_RELAXED) - first < TURNS) {
        write_round(event, seen);
        see_turn(seen);
    }
}

static u64 permille_off(u64 value, u64 truth)
{
    return (value > truth ? value - truth : truth - value) * 1000 / truth;
}

// Returns the error of the worst estimate in permille. The test does not limit it: estimates
// suppose a steady load, but on a busy host time passes in which the emulator writes nothing.
// Counts must be exact, and times may differ by the longest turn.
static u64 measure(struct perf_event **event, struct seen *seen)
{
    u64 count, enabled[MANY], running[MANY], before[MANY][2], least = ~0ul, most = 0, off = 0;
    seen->turned = current_task()->perf_ctx->turned_at;
    for (int i = 0; i < MANY; i++) {
        perf_event_reset(event[i]);
        perf_event_read_value(event[i], &before[i][0], &before[i][1]);
    }
    write_and_see(event, seen);
    for (int i = 0; i < MANY; i++) {
        count = perf_event_read_value(event[i], &enabled[i], &running[i]);
        enabled[i] -= before[i][0];
        running[i] -= before[i][1];
        EXPECT_EQ(count, seen->with[i]);
        EXPECT(running[i] < enabled[i]);
        least = MIN(least, running[i]);
        most = MAX(most, running[i]);
        off = MAX(off, permille_off(count * enabled[i] / running[i], seen->rounds));
    }
    see_turn(seen);
    seen->longest = MAX(seen->longest, perf_ctx_now(current_task()->perf_ctx) - seen->turned);
    EXPECT(most - least <= 2 * seen->longest);
    return off;
}

KTEST_HWBP(flex12, "flex-12", "2009")
{
    struct perf_event *event[MANY];
    struct seen seen = {0};
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(cpu_id())), 0);
    for (int i = 0; i < MANY; i++) {
        event[i] = open_flexible(&var[i], -1, current_task());
        EXPECT(!IS_ERR(event[i]));
    }
    write_for_turns(MANY); // from here on the rounds of turns are whole
    u64 off = measure(event, &seen);
    ktest_note("%lu rounds; the longest turn %lu us; estimates within %lu permille", seen.rounds,
               seen.longest / 1000, off);
    for (int i = 0; i < MANY; i++)
        perf_event_release_kernel(event[i]);
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}

// No register is idle while an event waits. Beside three pinned events, the last register goes from
// one event to the next.
KTEST_HWBP(flex_fill, "flex-fills-registers", "exact")
{
    struct perf_event *event[MANY], *pinned[3];
    for (int i = 0; i < MANY; i++)
        event[i] = open_flexible(&var[i], -1, current_task());
    for (int p = 0; p <= 3; p++) {
        u64 flags = irq_save();
        u32 active = 0;
        for (int i = 0; i < MANY; i++)
            active += event[i]->state == PERF_ACTIVE;
        irq_restore(flags);
        EXPECT_EQ(active, 4 - p);
        if (p < 3)
            pinned[p] = bp_open(&pinned_var, HW_BREAKPOINT_W, 8);
    }
    for (int i = 0; i < 100; i++)
        pinned_var = i;
    write_for_turns(4 * MANY);
    for (int i = 0; i < MANY; i++)
        EXPECT(bp_count(event[i]) > 0); // each has had turns
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(bp_close(pinned[i]), 100); // a pinned one misses nothing
    for (int i = 0; i < MANY; i++)
        perf_event_release_kernel(event[i]);
}

static u32 turns_missed(const struct perf_event *event)
{
    u64 flags = irq_save();
    u32 missed = event->state == PERF_INACTIVE ? event->ctx->given - event->since : 0;
    irq_restore(flags);
    return missed;
}

// No event waits for more turns than there are breakpoints, even when the order is disturbed: an
// event is switched off and on, or has been served far more than the others.
KTEST_HWBP(flex_round, "flex-round", "2009")
{
    struct perf_event *event[MANY];
    struct perf_event_context *ctx;
    u32 most = 0, turn, end;
    for (int i = 0; i < MANY; i++)
        event[i] = open_flexible(&var[i], -1, current_task());
    ctx = current_task()->perf_ctx;
    for (turn = ctx->turn, end = turn + 6 * MANY; turn < end; turn++) {
        if (turn % 7 == 0) { // this puts one far behind: it joins as the least served
            perf_event_disable(event[turn % MANY]);
            write_for_turns(1);
            perf_event_enable(event[turn % MANY]);
        }
        if (turn % MANY == 0) // and this one far ahead
            event[0]->served += 1000000000;
        write_for_turns(1);
        for (int i = 0; i < MANY; i++)
            most = MAX(most, turns_missed(event[i]));
    }
    EXPECT(most > MANY - HBP_NUM); // the order was really disturbed
    EXPECT(most <= MANY);
    for (int i = 0; i < MANY; i++)
        perf_event_release_kernel(event[i]);
}

// An event that was off gains nothing: it comes back with the service of the least served one, not
// with less.
static void joins_level(int cpu)
{
    struct perf_event *event[MANY];
    u64 least = UINT64_MAX;
    for (int i = 0; i < MANY; i++)
        event[i] = open_flexible(&var[i], cpu, current_task());
    perf_event_disable(event[0]);
    write_for_turns(2 * MANY);
    for (int i = 1; i < MANY; i++)
        least = MIN(least, event[i]->served); // served only grows
    perf_event_enable(event[0]);
    EXPECT(least > 0);
    EXPECT(event[0]->served >= least);
    for (int i = 0; i < MANY; i++)
        perf_event_release_kernel(event[i]);
}

KTEST_HWBP(flex_join, "flex-joins-level", "2009")
{
    int cpu = nr_cpus - 1;
    joins_level(-1);
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(cpu)), 0);
    joins_level(cpu);
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}

// ---- events of the CPU and of several tasks together: none starves ----

static volatile bool stop;
static volatile u32 ready;

static void flexible_task(void *arg)
{
    struct perf_event **event = arg;
    for (int i = 0; i < 3; i++)
        event[i] = open_flexible(&var[i], -1, current_task());
    __atomic_fetch_add(&ready, 1, __ATOMIC_RELAXED);
    while (!stop) {
        for (int i = 0; i < MANY; i++)
            var[i] = i;
        schedule(); // leaves the CPU before the tick
    }
}

static bool all_ran(struct perf_event **event, int n)
{
    u64 running;
    for (int i = 0; i < n; i++)
        if (!perf_event_read_value(event[i], NULL, &running) || !running)
            return false;
    return true;
}

KTEST_HWBP(flex_starve, "flex-starve", "exact")
{
    u32 cpu = nr_cpus - 1;
    struct perf_event *of_cpu[5], *of_task[2][3];
    struct task *task[2];
    u64 turns = 0;
    stop = false;
    ready = 0;
    for (int i = 0; i < 5; i++)
        of_cpu[i] = open_flexible(&var[i], cpu, NULL);
    for (int i = 0; i < 2; i++)
        task[i] = kthread_create("flexible", flexible_task, of_task[i], BIT(cpu));
    while (ready < 2)
        schedule();
    // On a machine that runs evenly, one round of turns is enough.
    u64 first = perf_cpus[cpu].rotations, limit = 20 * (5 + 2 * 3);
    bool all = false;
    while (!all && turns <= limit) {
        schedule();
        turns = perf_cpus[cpu].rotations - first;
        all = all_ran(of_cpu, 5) && all_ran(of_task[0], 3) && all_ran(of_task[1], 3);
    }
    EXPECT(all);
    ktest_note("all had run after %lu turns", turns);
    stop = true;
    for (int t = 0; t < 2; t++) {
        task_join(task[t]);
        for (int i = 0; i < 3; i++)
            perf_event_release_kernel(of_task[t][i]);
        task_put(task[t]);
    }
    for (int i = 0; i < 5; i++)
        perf_event_release_kernel(of_cpu[i]);
}

// ---- groups ----

static struct perf_event *open_member(struct perf_event *leader, int i, bool exclusive)
{
    struct perf_event_attr attr = bp_attr(&var[i], HW_BREAKPOINT_W, 8);
    attr.pinned = 0;
    attr.exclusive = exclusive;
    struct perf_request r = {.attr = &attr, .cpu = -1, .task = current_task(), .leader = leader};
    return perf_event_create(&r);
}

KTEST_HWBP(group, "group-all-or-none", "exact")
{
    struct perf_event *member[3], *other[2];
    for (int i = 0; i < 3; i++)
        member[i] = open_member(i ? member[0] : NULL, i, false);
    for (int i = 0; i < 2; i++)
        other[i] =
            bp_open(&pinned_var, HW_BREAKPOINT_W, 8); // leaves two registers for three events
    u64 before = bp_count(member[0]);
    for (int i = 0; i < 50; i++)
        var[0] = var[1] = var[2] = i;
    for (int i = 0; i < 3; i++) {
        EXPECT(member[i]->state != PERF_ACTIVE);
        EXPECT_EQ(bp_count(member[i]), before);
    }
    perf_event_release_kernel(other[1]);
    for (int i = 0; i < 50; i++)
        var[0] = var[1] = var[2] = i;
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(bp_count(member[i]), before + 50);
    perf_event_release_kernel(member[0]); // the others go on alone
    var[1] = var[2] = 1;
    EXPECT_EQ(bp_close(member[1]), before + 51);
    EXPECT_EQ(bp_close(member[2]), before + 51);
    perf_event_release_kernel(other[0]);
}

// No register is idle while an event waits that fits, even behind a group that never fits.
KTEST_HWBP(behind_group, "flex-behind-group", "exact")
{
    struct perf_event *member[3], *pinned[2], *alone;
    for (int i = 0; i < 3; i++)
        member[i] = open_member(i ? member[0] : NULL, i, false);
    for (int i = 0; i < 2; i++)
        pinned[i] =
            bp_open(&pinned_var, HW_BREAKPOINT_W, 8); // leaves two registers for three events
    alone = open_member(NULL, 3, false);
    for (int turn = 0; turn < 4; turn++) {
        write_for_turns(1);
        EXPECT_EQ(alone->state, PERF_ACTIVE);
        EXPECT(member[0]->state != PERF_ACTIVE);
    }
    u64 before = bp_count(alone);
    for (int i = 0; i < 50; i++)
        var[3] = i;
    EXPECT_EQ(bp_close(alone), before + 50);
    for (int i = 0; i < 2; i++)
        perf_event_release_kernel(pinned[i]);
    for (int i = 0; i < 3; i++)
        perf_event_release_kernel(member[i]);
}

KTEST_HWBP(group_errors, "group-errors", "exact")
{
    struct perf_event *leader = open_member(NULL, 0, false),
                      *sibling = open_member(leader, 1, false);
    struct perf_event_attr attr = bp_attr(&var[2], HW_BREAKPOINT_W, 8);
    struct perf_request r = {.attr = &attr, .cpu = -1, .task = current_task(), .leader = leader};
    EXPECT_EQ(PTR_ERR(perf_event_create(&r)), -EINVAL); // pinned
    attr.pinned = 0;
    attr.exclusive = 1;
    EXPECT_EQ(PTR_ERR(perf_event_create(&r)), -EINVAL);
    attr.exclusive = 0;
    r.leader = sibling;
    EXPECT_EQ(PTR_ERR(perf_event_create(&r)), -EINVAL);
    r.leader = leader;
    r.cpu = 0; // another CPU than its leader's
    EXPECT_EQ(PTR_ERR(perf_event_create(&r)), -EINVAL);
    perf_event_release_kernel(sibling);
    perf_event_release_kernel(leader);
}

KTEST_HWBP(exclusive, "exclusive", "exact")
{
    struct perf_event *alone = open_member(NULL, 0, true), *other = open_member(NULL, 1, false);
    for (u32 turn = 0; turn < 4; turn++) {
        u64 flags = irq_save();
        EXPECT((alone->state == PERF_ACTIVE) != (other->state == PERF_ACTIVE));
        irq_restore(flags);
        write_for_turns(1);
    }
    EXPECT(bp_close(alone) > 0);
    EXPECT(bp_close(other) > 0);
}

KTEST_HWBP(error_state, "pinned-error-state", "exact")
{
    // A pinned exclusive event that would have to share goes to ERROR. It comes back when it is
    // enabled while it is alone.
    struct perf_event *first = bp_open(&var[0], HW_BREAKPOINT_W, 8);
    struct perf_event_attr attr = bp_attr(&var[1], HW_BREAKPOINT_W, 8);
    attr.exclusive = 1;
    struct perf_event *event =
        perf_event_create_kernel_counter(&attr, -1, current_task(), NULL, NULL);
    EXPECT_EQ(event->state, PERF_ERROR);
    var[1] = 1;
    EXPECT_EQ(bp_count(event), 0);
    perf_event_release_kernel(first);
    perf_event_enable(event);
    var[1] = 2;
    EXPECT_EQ(bp_close(event), 1);
}
