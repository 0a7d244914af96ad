// /proc/hwbp as programs parse it: registers, events that wait, shares of time, refusals.
#include "test/user/bp_test.h"
#include "user/trace.h"

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

// The number of the variable in a "reg" or "wait" line of this task, or -1. Every key must be
// there.
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
    char want[120];

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
    snprintf(want, sizeof want,
             "refused ENOSPC cpu 0: 3 pinned by one task + 1 kept for 9 flexible = 4 "
             "(task %d, pinned, rules exact)\n",
             getpid());
    CHECK_EQ(strncmp(last, want, strlen(want)), 0);
    for (int i = 0; i < 3; i++)
        close(fd[i]);
    for (int i = 0; i < 9; i++)
        close(flexible[i]);
}

// Breakpoints of no task belong to one CPU, or to all.
UTEST_ENTRY(proc_owners, "proc-hwbp-owners", NULL, NEEDS_DR7)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &var[0], 8);
    int fd = bp_open_attr(&attr, -1, 0), cpus = 0, every = 0;
    char want[80];

    REQUIRE(fd >= 0);
    CHECK_EQ(write_text(KSYM_FILTER_FILE, "next_tid:-w-"), 0);
    REQUIRE(read_text(HWBP_FILE, text, sizeof text) > 0);
    CHECK_EQ(write_text(KSYM_FILTER_FILE, "0"), 0);
    snprintf(want, sizeof want, " cpu addr=0x%lx len=8 type=w pinned ", (uintptr_t)&var[0]);
    for (const char *line = text; line; line = next_line(line)) {
        size_t n = strcspn(line, "\n");
        cpus += memmem(line, n, want, strlen(want)) != NULL;
        every += memmem(line, n, " wide addr=", 11) && memmem(line, n, "symbol=next_tid", 15);
    }
    CHECK_EQ(cpus, 1);
    CHECK_EQ(every, online_cpus());
    close(fd);
}

// The latest refusal in words, without the first word of the line.
static const char *last_refusal(void)
{
    static char last[200];

    REQUIRE(read_text(HWBP_FILE, text, sizeof text) > 0);
    for (const char *line = text; line; line = next_line(line))
        if (strncmp(line, "refused ", 8) == 0)
            snprintf(last, sizeof last, "%.*s", (int)strcspn(line + 8, "\n"), line + 8);
    return last;
}

static void check_refusal(const char *what, const struct perf_event_attr *attr, const char *type)
{
    char want[200];

    snprintf(want, sizeof want, "%s (task %d, %s, addr=0x%llx len=%llu type=%s)", what, getpid(),
             attr->pinned ? "pinned" : "flexible", (unsigned long long)attr->bp_addr,
             (unsigned long long)attr->bp_len, type);
    if (strcmp(last_refusal(), want) != 0)
        utest_fail(__FILE__, __LINE__, "refused \"%s\", want \"%s\"", last_refusal(), want);
}

UTEST_RULES(proc_invalid, "proc-hwbp-invalid", "exact")
{
    static volatile char word[16] __attribute__((aligned(16)));
    const uint64_t at = (uintptr_t)word, kernel = 0xffffffff80000000ull;
    const uint64_t stacks = 0xffffc90000000000ull; // the kernel's
    const struct {
        uint32_t type;
        uint64_t addr, len;
        int err;
        const char *name, *what;
    } bad[] = {
        {0, at, 8, EINVAL, "none", "EINVAL the type is not w, rw or x"},
        {7, at, 8, EINVAL, "unknown", "EINVAL the type is not w, rw or x"},
        {HW_BREAKPOINT_R, at, 8, EINVAL, "r",
         "EINVAL x86 has no condition for reads alone: take rw"},
        {HW_BREAKPOINT_W, at, 3, EINVAL, "w", "EINVAL the length must be 1, 2, 4 or 8"},
        {HW_BREAKPOINT_RW, at, 0, EINVAL, "rw", "EINVAL the length must be 1, 2, 4 or 8"},
        {HW_BREAKPOINT_X, at, 1, EINVAL, "x", "EINVAL the length of an x breakpoint is always 8"},
        {HW_BREAKPOINT_W, at + 1, 8, EINVAL, "w",
         "EINVAL the address is not a multiple of the length"},
        {HW_BREAKPOINT_W, -4ull, 8, EINVAL, "w",
         "EINVAL the bytes go past the end of the addresses"},
        {HW_BREAKPOINT_W, kernel, 8, EINVAL, "w",
         "EINVAL an address of the kernel, with exclude_kernel"},
        {HW_BREAKPOINT_W, stacks, 8, EINVAL, "w",
         "EINVAL the handling of #DB uses this area itself"},
        {HW_BREAKPOINT_W, at, 16, EOPNOTSUPP, "w",
         "EOPNOTSUPP more than 8 bytes need an address mask"},
    };
    int good = bp_must(HW_BREAKPOINT_W, &var[0], 8);

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct perf_event_attr attr = bp_attr(bad[i].type, (void *)bad[i].addr, bad[i].len);
        attr.exclude_kernel = bad[i].addr != stacks;
        attr.pinned = i % 2;
        CHECK_ERRNO(bp_open_attr(&attr, 0, -1), bad[i].err);
        check_refusal(bad[i].what, &attr, bad[i].name);
        attr.pinned = 1;
        CHECK_ERRNO(ioctl(good, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr), bad[i].err);
        check_refusal(bad[i].what, &attr, bad[i].name);
    }
    close(good);
}
