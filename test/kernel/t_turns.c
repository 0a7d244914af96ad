// Who runs in which turn, exactly. Only pass() moves the clock (perf_test.h). So the tables are
// those of docs/perf.md, to the nanosecond.
#include "linux/perf/sample.h"
#include "test/kernel/perf_test.h"

// ---- one context ----

// The table "A long turn is made good" of docs/perf.md. After it, a..f have run as it says.
KTEST_HWBP(long_turn, "turns-long-one", "exact")
{
    static const struct {
        u8 ticks, runs, served[6];
    } table[] = {
        {3, 0b001111, {3, 3, 3, 3, 0, 0}}, {1, 0b110011, {4, 4, 3, 3, 1, 1}},
        {1, 0b111100, {4, 4, 4, 4, 2, 2}}, {1, 0b110011, {5, 5, 4, 4, 3, 3}},
        {1, 0b111100, {5, 5, 5, 5, 4, 4}}, {1, 0b110011, {6, 6, 5, 5, 5, 5}},
        {1, 0b111100, {6, 6, 6, 6, 6, 6}},
    };
    open_many(0, 6, FLEXIBLE, -1, current_task());
    u64 flags = hold(), rotations = this_perf_cpu()->rotations, given = of_task()->given;
    enable_all(6);
    EXPECT_EQ(perf_takers_here(of_task()), 6);
    for (u32 turn = 0; turn < ARRAY_SIZE(table); turn++) {
        EXPECT_EQ(who_runs(6), table[turn].runs);
        pass(table[turn].ticks * TICK);
        perf_turn();
        for (u32 i = 0; i < 6; i++) {
            EXPECT_EQ(event[i]->served, table[turn].served[i] * TICK);
            EXPECT_EQ(event[i]->total_running, event[i]->served);
        }
    }
    EXPECT_EQ(this_perf_cpu()->rotations - rotations, ARRAY_SIZE(table));
    EXPECT_EQ(of_task()->given - given, ARRAY_SIZE(table));
    go_on(flags);
    close_many(6);
}

// The example there: beside three pinned ones, three share one register, and the first had it for
// 100 ticks. It has missed a full round after three turns.
static void miss_a_round(int cpu_of_first)
{
    static const u8 runs[] = {0, 1, 2, 1, 0, 2, 1, 2, 0};
    open_many(0, 1, FLEXIBLE, cpu_of_first, current_task());
    open_many(1, 3, FLEXIBLE, -1, current_task());
    open_many(3, 6, PINNED, -1, current_task());
    u64 flags = hold();
    enable(3), enable(4), enable(5);
    enable_all(3);
    EXPECT_EQ(perf_takers_here(of_task()), 3);
    EXPECT_EQ(who_runs(6), 0b111001);
    pass(99 * TICK);
    for (u32 turn = 1; turn < ARRAY_SIZE(runs); turn++)
        EXPECT_EQ(next_turn(6), 0b111000 | BIT(runs[turn]));
    go_on(flags);
    close_many(6);
}

KTEST_HWBP(full_round, "turns-full-round", "exact")
{
    int cpu = stay_here();
    miss_a_round(-1);
    miss_a_round(cpu); // in the row that is asked last
    go_anywhere();
}

// Two wait since the same moment, and miss a full round because a third was served much less. Then
// the one that came first goes first.
KTEST_HWBP(turns_tie, "turns-tie", "exact")
{
    static const u8 runs[] = {0, 0, 0, 1, 2, 0};
    open_many(0, 3, FLEXIBLE, -1, current_task());
    open_many(3, 6, PINNED, -1, current_task());
    u64 flags = hold();
    enable(3), enable(4), enable(5);
    enable_all(3);
    event[1]->served = 1000 * TICK;
    event[2]->served = 900 * TICK;
    for (u32 turn = 0; turn < ARRAY_SIZE(runs); turn++)
        EXPECT_EQ(next_turn(6), 0b111000 | BIT(runs[turn]));
    go_on(flags);
    close_many(6);
}

// Of each queue the first eight are compared: the eighth was served less than all before it, the
// ninth least of all.
KTEST_HWBP(turns_window, "turns-window", "exact")
{
    open_many(0, 10, FLEXIBLE, -1, current_task());
    open_many(10, 13, PINNED, -1, current_task());
    u64 flags = hold();
    enable(10), enable(11), enable(12), enable(9);
    enable_all(9);
    for (u32 i = 0; i < 9; i++)
        event[i]->served = (i < 7 ? 3 : 9 - i) * TICK;
    disable(9);
    EXPECT_EQ(who_runs(9), BIT(7));
    go_on(flags);
    close_many(13);
}

// A leader that made way in the middle of its turn keeps it to the end of the turn, not longer. A
// change of it does not matter.
KTEST_HWBP(turn_ends, "turns-end", "exact")
{
    open_many(0, 7, FLEXIBLE, -1, current_task());
    open_many(7, 8, PINNED, -1, current_task());
    u64 flags = hold();
    enable_all(7);
    EXPECT_EQ(who_runs(8), 0b00001111);
    enable(7);
    EXPECT_EQ(who_runs(8), 0b10000111);
    perf_ctx_run(event[3], perf_set_zero, NULL);
    disable(7);
    EXPECT_EQ(who_runs(8), 0b00001111);
    enable(7);
    EXPECT_EQ(who_runs(8), 0b10000111);
    EXPECT_EQ(next_turn(8), 0b11110000);
    go_on(flags);
    close_many(8);
}

// A turn lasts for half a tick at least, and nobody's turn ends while nobody waits.
KTEST_HWBP(turn_lasts, "turns-last", "exact")
{
    open_many(0, 5, FLEXIBLE, -1, current_task());
    u64 flags = hold(), rotations = this_perf_cpu()->rotations;
    enable_all(4);
    EXPECT(!of_task()->waits);
    EXPECT_EQ(next_turn(5), 0b01111);
    EXPECT_EQ(this_perf_cpu()->rotations, rotations);
    enable(4);
    EXPECT(of_task()->waits);
    of_task()->turned_at = perf_ctx_now(of_task());
    pass(TICK / 2 - 1);
    perf_turn();
    EXPECT_EQ(who_runs(5), 0b01111);
    pass(1);
    perf_turn();
    EXPECT_EQ(who_runs(5), 0b10111);
    perf_turn();
    EXPECT_EQ(this_perf_cpu()->rotations, rotations + 1);
    disable(4);
    EXPECT_EQ(who_runs(5), 0b01111);
    EXPECT(!of_task()->waits);
    EXPECT_EQ(perf_takers_here(of_task()), 4);
    go_on(flags);
    close_many(5);
}

// Who comes back is served as little as the least of both rows, and no less than before.
KTEST_HWBP(turns_join, "turns-join", "exact")
{
    static const u8 served[] = {7, 5, 9, 6, 8, 4};
    int cpu = stay_here();
    open_many(0, 3, FLEXIBLE, -1, current_task());
    open_many(3, 8, FLEXIBLE, cpu, current_task());
    u64 flags = hold();
    enable_all(6);
    EXPECT_EQ(perf_takers_here(of_task()), 6);
    for (u32 i = 0; i < 6; i++)
        event[i]->served = served[i] * TICK;
    disable(0);
    event[0]->served = 0;
    enable(0);
    EXPECT_EQ(event[0]->served, 5 * TICK); // of those for any CPU
    event[4]->served = 3 * TICK;           // of those that have no register
    enable(6);
    EXPECT_EQ(event[6]->served, 3 * TICK);
    event[7]->served = 5 * TICK;
    enable(7);
    EXPECT_EQ(event[7]->served, 5 * TICK);
    EXPECT_EQ(perf_takers_here(of_task()), 8);
    disable(0);
    disable(7);
    EXPECT_EQ(perf_takers_here(of_task()), 6);
    go_on(flags);
    close_many(8);
    go_anywhere();
}

// ---- the CPU's and the task's ----

// Two of the CPU and three of the task: in five turns the CPU's rank first twice.
KTEST_HWBP(turns_rank, "turns-rank", "exact")
{
    int cpu = stay_here();
    open_many(0, 2, FLEXIBLE, cpu, NULL);
    open_many(2, 5, FLEXIBLE, -1, current_task());
    u64 flags = hold();
    enable_all(5);
    EXPECT_EQ(perf_takers_here(of_cpu()), 2);
    for (u32 turn = 1; turn <= 10; turn++) {
        u64 given[] = {of_cpu()->given, of_task()->given};
        u32 runs = next_turn(5);
        bool cpu_first = turn % 5 < 2;
        EXPECT_EQ(of_task()->turn, turn);
        EXPECT_EQ(of_cpu()->given - given[0], cpu_first);
        EXPECT_EQ(of_task()->given - given[1], !cpu_first);
        EXPECT_EQ(how_many(runs & 0b00011), cpu_first ? 2 : 1);
        EXPECT_EQ(how_many(runs & 0b11100), cpu_first ? 2 : 3);
        EXPECT_EQ(of_cpu()->waits, !cpu_first);
        EXPECT_EQ(of_task()->waits, cpu_first);
    }
    go_on(flags);
    close_many(5);
    go_anywhere();
}

// Between turns, too: who comes and ranks first takes a register from the other context. Who ranks
// second waits.
static void comes_between(int cpu, struct task *task, u32 turn, bool first)
{
    bool by_cpu = !task;
    open_many(0, 4, FLEXIBLE, by_cpu ? -1 : cpu, by_cpu ? current_task() : NULL);
    event[4] = open_off(FLEXIBLE, by_cpu ? cpu : -1, task, NULL);
    u64 flags = hold();
    enable_all(4);
    of_task()->turn = turn;
    enable(4);
    EXPECT_EQ(who_runs(5), first ? 0b10111 : 0b01111);
    disable(4);
    EXPECT_EQ(who_runs(5), 0b01111);
    go_on(flags);
    close_many(5);
}

KTEST_HWBP(turns_between, "turns-between", "exact")
{
    int cpu = stay_here();
    comes_between(cpu, NULL, 5, true);
    comes_between(cpu, NULL, 1, false);
    comes_between(cpu, current_task(), 4, true);
    comes_between(cpu, current_task(), 8, false);
    go_anywhere();
}

// ---- groups ----

// A group needs as many registers as it has enabled members. With five it waits in vain, takes no
// turns, and is in nobody's way. It takes turns as soon as it could fit.
KTEST_HWBP(turns_need, "turns-need", "exact")
{
    for (u32 i = 0; i < 5; i++)
        event[i] = open_off(FLEXIBLE, -1, current_task(), i ? event[0] : NULL);
    event[5] = open_off(FLEXIBLE, -1, current_task(), NULL);
    u64 flags = hold();
    enable_all(6);
    EXPECT_EQ(who_runs(6), 0b100000);
    EXPECT_EQ(event[0]->need, 5);
    EXPECT_EQ(event[0]->queue, QUEUE_IN_VAIN);
    EXPECT_EQ(perf_takers_here(of_task()), 1);
    EXPECT(!of_task()->waits);
    EXPECT_EQ(next_turn(6), 0b100000);
    disable(4);
    EXPECT_EQ(event[0]->need, 4);
    EXPECT_EQ(perf_takers_here(of_task()), 2);
    EXPECT(of_task()->waits);
    EXPECT_EQ(who_runs(6), 0b100000);
    EXPECT_EQ(next_turn(6), 0b001111);
    EXPECT_EQ(next_turn(6), 0b001111); // it was served less
    EXPECT_EQ(next_turn(6), 0b100000);
    disable(5);
    EXPECT_EQ(who_runs(6), 0b001111);
    disable(3);
    enable(5);
    EXPECT_EQ(who_runs(6), 0b100111);
    enable(4); // four again: it loses its place
    EXPECT_EQ(who_runs(6), 0b100000);
    go_on(flags);
    for (u32 i = 6; i--;)
        perf_event_release_kernel(event[i]);
}

// The same while the context runs nowhere: nobody places the group then, but it has its place as
// soon as its task is back.
KTEST_HWBP(turns_need_away, "turns-need-away", "exact")
{
    for (u32 i = 0; i < 5; i++)
        event[i] = open_off(FLEXIBLE, -1, current_task(), i ? event[0] : NULL);
    u64 flags = hold();
    enable_all(5);
    EXPECT_EQ(who_runs(5), 0);
    EXPECT(!of_task()->waits);
    struct perf_event_context *ctx = of_task();
    perf_ctx_out(ctx);
    perf_ctx_release(ctx);
    disable(4);
    perf_ctx_in(ctx);
    perf_place();
    EXPECT_EQ(who_runs(5), 0b01111);
    go_on(flags);
    for (u32 i = 5; i--;)
        perf_event_release_kernel(event[i]);
}

// One of the five is closed: the others fit.
KTEST_HWBP(turns_need_closed, "turns-need-closed", "exact")
{
    for (u32 i = 0; i < 5; i++) {
        event[i] = open_off(FLEXIBLE, -1, current_task(), i ? event[0] : NULL);
        perf_event_enable(event[i]);
    }
    EXPECT_EQ(who_runs(5), 0);
    perf_event_release_kernel(event[4]);
    EXPECT_EQ(who_runs(4), 0b1111);
    for (u32 i = 4; i--;)
        perf_event_release_kernel(event[i]);
}

// A group of a CPU that needs no register has a place at once, also when it is exclusive.
KTEST_HWBP(turns_free, "turns-free", "exact")
{
    int cpu = stay_here();
    struct perf_event_attr attr = {
        .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_DUMMY};
    struct perf_request r = {.attr = &attr, .cpu = cpu};
    open_many(1, 2, FLEXIBLE, -1, current_task()); // brings its context
    attr.exclusive = 1;
    event[0] = perf_event_create(&r);
    attr.exclusive = 0;
    attr.disabled = 1;
    r.leader = event[0];
    event[2] = perf_event_create(&r);
    u64 flags = hold();
    enable(1);
    enable(2);
    EXPECT_EQ(who_runs(3), 0b111);
    go_on(flags);
    for (u32 i = 3; i--;)
        perf_event_release_kernel(event[i]);
    go_anywhere();
}

// The leader is closed while it is disabled: its enabled sibling has waited for nothing else, and
// was not enabled by itself until then.
KTEST_HWBP(turns_orphan, "turns-orphan", "exact")
{
    event[0] = open_off(FLEXIBLE, -1, current_task(), NULL);
    event[1] = open_off(FLEXIBLE, -1, current_task(), event[0]);
    mutex_lock(&perf_mutex);
    u64 flags = hold();
    enable(1);
    pass(3 * TICK);
    EXPECT_EQ(who_runs(2), 0);
    perf_detach(event[0]);
    EXPECT_EQ(event[1]->state, PERF_ACTIVE);
    EXPECT_EQ(perf_takers_here(of_task()), 1);
    pass(2 * TICK);
    expect_times(event[1], 2, 2);
    go_on(flags);
    mutex_unlock(&perf_mutex);
    perf_event_free(event[0]);
    perf_event_release_kernel(event[1]);
}

// ---- exclusive ----

// A pinned one and an exclusive pinned one, each of the CPU or of the task: the one that has a
// place keeps it, unless the other is the CPU's. Who finds none is in error.
static void one_of_two(int cpu, bool first_of_cpu, bool second_of_cpu, bool first_is_exclusive)
{
    bool takes_over = second_of_cpu && !first_of_cpu;
    event[0] = open_off(first_is_exclusive ? PINNED | EXCLUSIVE : PINNED, first_of_cpu ? cpu : -1,
                        first_of_cpu ? NULL : current_task(), NULL);
    event[1] = open_off(first_is_exclusive ? PINNED : PINNED | EXCLUSIVE, second_of_cpu ? cpu : -1,
                        second_of_cpu ? NULL : current_task(), NULL);
    u64 flags = hold();
    enable(0);
    EXPECT_EQ(who_runs(2), 0b01);
    enable(1);
    EXPECT_EQ(who_runs(2), takes_over ? 0b10 : 0b01);
    EXPECT_EQ(event[takes_over ? 0 : 1]->state, PERF_ERROR);
    disable(takes_over ? 1 : 0);
    EXPECT(!of_cpu()->exclusive && !of_task()->exclusive);
    EXPECT(!of_cpu()->nr_limited && !of_task()->nr_limited);
    enable(takes_over ? 0 : 1);
    EXPECT_EQ(who_runs(2), takes_over ? 0b01 : 0b10);
    go_on(flags);
    close_many(2);
}

KTEST_HWBP(turns_exclusive, "turns-exclusive", "exact")
{
    int cpu = stay_here();
    struct perf_event *task = open_off(FLEXIBLE, -1, current_task(), NULL); // brings its context
    for (u32 n = 0; n < 8; n++)
        one_of_two(cpu, n & 1, n & 2, n & 4);
    perf_event_release_kernel(task);
    go_anywhere();
}

// A flexible exclusive one needs all four registers, and shares them with nobody.
KTEST_HWBP(turns_alone, "turns-alone", "exact")
{
    int cpu = stay_here();
    open_many(0, 1, EXCLUSIVE, cpu, NULL);
    open_many(1, 4, FLEXIBLE, -1, current_task());
    u64 flags = hold();
    enable_all(4);
    EXPECT_EQ(event[0]->need, 4);
    for (u32 turn = 1; turn <= 8; turn++)
        EXPECT_EQ(next_turn(4), turn % 4 < 1 ? 0b0001 : 0b1110);
    go_on(flags);
    close_many(4);
    go_anywhere();
}
