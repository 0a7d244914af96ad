// The cost of one turn of flexible breakpoints: more breakpoints than registers, compared with as
// many as registers.
#include "test/bench/bench.h"
#include "user/proc.h"

#define FLEXIBLE (BP_REGISTERS + 2)
#define ROUNDS   20000000

static uint64_t spin(void)
{
    uint64_t start = ticks();

    for (volatile int i = 0; i < ROUNDS; i++)
        continue;
    return ticks() - start;
}

// Runs the same loop with n flexible breakpoints, and counts their turns. False if there can be no
// more than registers, as on Linux.
static bool spin_with(int n, uint64_t *took, uint64_t *turns)
{
    int fds[FLEXIBLE], made = 0;

    while (made < n) {
        struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &words[made], 8);
        attr.pinned = 0;
        fds[made] = bp_open_attr(&attr, 0, -1);
        if (fds[made] < 0)
            break;
        made++;
    }
    long before = hwbp_sum("cpu", "rotations");
    *took = spin();
    *turns = (uint64_t)(hwbp_sum("cpu", "rotations") - before);
    for (int i = 0; i < made; i++)
        close(fds[i]);
    return made == n;
}

void bench_turns(void)
{
    uint64_t still, moving, none, turns;

    if (!spin_with(FLEXIBLE, &moving, &turns) || !spin_with(BP_REGISTERS, &still, &none))
        return;
    need(turns > 0 && none == 0, "turns");
    report("turn", (moving - still) / turns);
}
