// /proc/hwbp as programs parse it: every register, who waits, shares of time, refusals.
#include "test/user/bp_test.h"

#define FLEXIBLE 12
#define REFUSALS 8

static volatile uint64_t var[FLEXIBLE];
static char text[65536];

static int open_flexible(volatile void *addr)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, addr, 8);

    attr.pinned = 0;
    return bp_open_attr(&attr, 0, -1);
}

// Which variable a "reg" or "wait" line of this task is about, or -1. Every key must be there.
static int parse_line(const char *line, const char *first, unsigned *share)
{
    int cpu, reg, pid, at = 0;
    unsigned long addr;
    unsigned len, hits;
    char type[4], kind[10];

    if (strcmp(first, "reg") == 0)
        sscanf(line, "reg %d %d task=%d comm=utest %n", &cpu, &reg, &pid, &at);
    else
        sscanf(line, "wait %d task=%d comm=utest %n", &cpu, &pid, &at);
    if (!at || pid != getpid())
        return -1;
    CHECK_EQ(sscanf(line + at, "addr=%lx len=%u type=%3s %9s hits=%u share=%u", &addr, &len, type,
                    kind, &hits, share),
             6);
    CHECK(len == 8 && strcmp(type, "w") == 0 && strcmp(kind, "flexible") == 0);
    for (int i = 0; i < FLEXIBLE; i++)
        if (addr == (uintptr_t)&var[i])
            return i;
    return -1;
}

UTEST_RULES(proc_events, "proc-hwbp-events", "exact")
{
    int fd[FLEXIBLE], in_register = 0, seen[FLEXIBLE] = {0};
    unsigned share, sum = 0;

    for (int i = 0; i < FLEXIBLE; i++)
        REQUIRE((fd[i] = open_flexible(&var[i])) >= 0);
    for (uint64_t end = now_ns() + 500000000; now_ns() < end;)
        for (int i = 0; i < FLEXIBLE; i++)
            store8(&var[i], 1);
    REQUIRE(read_text(HWBP_FILE, text, sizeof text) > 0);
    for (const char *line = text; line; line = next_line(line)) {
        bool reg = strncmp(line, "reg ", 4) == 0, wait = strncmp(line, "wait ", 5) == 0;
        int i = reg || wait ? parse_line(line, reg ? "reg" : "wait", &share) : -1;
        if (i < 0)
            continue;
        seen[i]++;
        in_register += reg;
        CHECK(share > 0 && share < 1000);
        sum += share;
    }
    CHECK_EQ(in_register, BP_REGISTERS);
    for (int i = 0; i < FLEXIBLE; i++)
        CHECK_EQ(seen[i], 1);
    CHECK(sum > 1000 * BP_REGISTERS * 9 / 10 && sum < 1000 * BP_REGISTERS * 11 / 10);
    for (int i = 0; i < FLEXIBLE; i++)
        close(fd[i]);
}

UTEST_RULES(proc_refusals, "proc-hwbp-refusals", "exact")
{
    int fd[3], flexible[9], lines = 0;
    const char *last = "";

    for (int i = 0; i < 9; i++)
        REQUIRE((flexible[i] = open_flexible(&var[i])) >= 0);
    for (int i = 0; i < 3; i++)
        fd[i] = bp_must(HW_BREAKPOINT_W, &var[i], 8);
    for (int i = 0; i < REFUSALS + 2; i++)
        CHECK_ERRNO(bp_open(HW_BREAKPOINT_W, &var[0], 8), ENOSPC);
    REQUIRE(read_text(HWBP_FILE, text, sizeof text) > 0);
    for (const char *line = text; line; line = next_line(line))
        if (strncmp(line, "refused ENOSPC ", 15) == 0) {
            lines++;
            last = line;
        }
    CHECK_EQ(lines, REFUSALS);
    CHECK(strstr(last, "cpu 0: 3 pinned by one task + 1 kept for 9 flexible = 4 (task "));
    for (int i = 0; i < 3; i++)
        close(fd[i]);
    for (int i = 0; i < 9; i++)
        close(flexible[i]);
}
