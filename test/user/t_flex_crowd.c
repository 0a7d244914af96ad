// Hundreds of flexible breakpoints on one CPU, opened by several processes. A turn looks at no more
// of them than if there were a dozen. Another task on the CPU still makes progress.
#include "test/user/bp_test.h"

#define OWNERS 4
#define EACH   240
#define TURNS  20
#define LOOKS  (BP_REGISTERS * 8) // at most in a turn: eight for each register

static volatile uint64_t var;

// Opens its share, writes how many to `say`, and stays until the other end of `stay` is closed.
static void own_some(int say, int stay)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &var, 8);
    int made = 0;
    char byte;

    attr.pinned = 0;
    while (made < EACH && bp_open_attr(&attr, -1, 0) >= 0)
        made++;
    _exit(write(say, &made, sizeof made) == sizeof made && read(stay, &byte, 1) == 0 ? 0 : 1);
}

UTEST_RULES(flex_crowd, "flex-crowd", "exact")
{
    int say[2], stay[2], made, sum = 0;

    pin_to_cpu(0);
    REQUIRE(pipe(say) == 0 && pipe(stay) == 0);
    for (int i = 0; i < OWNERS; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            close(stay[1]);
            own_some(say[1], stay[0]);
        }
        REQUIRE(read(say[0], &made, sizeof made) == sizeof made);
        sum += made;
    }
    CHECK_EQ(sum, OWNERS * EACH);
    long turns = hwbp_sum("cpu", "rotations"), looks = hwbp_sum("cpu", "looks"), now;
    while ((now = hwbp_sum("cpu", "rotations")) < turns + TURNS)
        store8(&var, 1);
    // the numbers are not read at the same time: one more turn may have begun
    CHECK(hwbp_sum("cpu", "looks") - looks <= LOOKS * (hwbp_sum("cpu", "rotations") - turns + 1));
    CHECK(hwbp_sum("cpu", "looks") > looks);
    close(stay[1]);
    for (int i = 0; i < OWNERS; i++)
        CHECK_EQ(wait_for(-1), 0);
}
