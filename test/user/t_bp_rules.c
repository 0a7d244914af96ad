// The slot rules as a program sees them: the table of worked examples, and the choice of a rule
// set.
#include "test/user/bp_test.h"
#include <signal.h>

enum { RULES_2009, RULES_EXACT, RULES_MAINLINE };

#define EVERY (-1)

// `count` requests, one by one, for task 'A', task 'B' or no task '-'.
struct request {
    int count;
    char who;
    int cpu;
    bool flexible;
};

struct row {
    const char *what;
    struct request held[2];
    int release; // how many of the first ones are closed before `asked` is tried
    struct request asked;
    int granted[3]; // how many of `asked` fit under 2009, exact, mainline; -1: `held` does not fit
};

#define PINNED(n, who, cpu)                                                                        \
    {                                                                                              \
        n, who, cpu, false                                                                         \
    }
#define FLEXIBLE(n, who, cpu)                                                                      \
    {                                                                                              \
        n, who, cpu, true                                                                          \
    }

static const struct row rows[] = {
    {"nothing; 4 A", {}, 0, PINNED(4, 'A', EVERY), {4, 4, 4}},
    {"4 A; 1 A", {PINNED(4, 'A', EVERY)}, 0, PINNED(1, 'A', EVERY), {0, 0, 0}},
    {"4 A; 1 B", {PINNED(4, 'A', EVERY)}, 0, PINNED(1, 'B', EVERY), {0, 1, 1}},
    {"4 A; 1 cpu0", {PINNED(4, 'A', EVERY)}, 0, PINNED(1, '-', 0), {0, 0, 0}},
    {"4 A; 1 flexible B", {PINNED(4, 'A', EVERY)}, 0, FLEXIBLE(1, 'B', EVERY), {0, 1, 1}},
    {"1 flexible A, 3 A; 1 A",
     {FLEXIBLE(1, 'A', EVERY), PINNED(3, 'A', EVERY)},
     0,
     PINNED(1, 'A', EVERY),
     {0, 0, 0}},
    {"1 flexible A; 4 B", {FLEXIBLE(1, 'A', EVERY)}, 0, PINNED(4, 'B', EVERY), {3, 4, 4}},
    {"2 A cpu0, 2 cpu0; 1 cpu1",
     {PINNED(2, 'A', 0), PINNED(2, '-', 0)},
     0,
     PINNED(1, '-', 1),
     {1, 1, 1}},
    {"3 cpu0, 1 flexible A; 1 cpu0",
     {PINNED(3, '-', 0), FLEXIBLE(1, 'A', EVERY)},
     0,
     PINNED(1, '-', 0),
     {0, 0, 0}},
    {"3 cpu0, 9 flexible A; 1 flexible A",
     {PINNED(3, '-', 0), FLEXIBLE(9, 'A', EVERY)},
     0,
     FLEXIBLE(1, 'A', EVERY),
     {1, 1, -1}},
    {"4 A, one released; 1 cpu0", {PINNED(4, 'A', EVERY)}, 1, PINNED(1, '-', 0), {1, 1, 1}},
};

static volatile uint64_t v;
static pid_t task_b;
static int fds[32], nr_fds;

// Opens until one is refused, with ENOSPC. Returns how many were granted.
static int open_all(const struct request *r)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &v, 8);

    attr.pinned = !r->flexible;
    for (int i = 0; i < r->count; i++) {
        int fd = bp_open_attr(&attr, r->who == 'A' ? 0 : r->who == 'B' ? task_b : -1, r->cpu);
        if (fd < 0) {
            CHECK_EQ(errno, ENOSPC);
            return i;
        }
        fds[nr_fds++] = fd;
    }
    return r->count;
}

static void check_row(const struct row *row, int rules)
{
    nr_fds = 0;
    if (row->granted[rules] >= 0) {
        for (int i = 0; i < 2; i++)
            if (open_all(&row->held[i]) != row->held[i].count)
                utest_fail(__FILE__, __LINE__, "%s: could not be held", row->what);
        for (int i = 0; i < row->release; i++)
            close(fds[i]);
        int granted = open_all(&row->asked);
        if (granted != row->granted[rules])
            utest_fail(__FILE__, __LINE__, "%s: %d granted, want %d", row->what, granted,
                       row->granted[rules]);
    }
    for (int i = row->release; i < nr_fds; i++)
        close(fds[i]);
}

static void wait_on(void *arg)
{
    gate_wait(arg);
}

static void check_table(int rules)
{
    struct gate g;

    gate_init(&g);
    task_b = spawn(wait_on, &g);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].asked.cpu < online_cpus())
            check_row(&rows[i], rules);
    gate_open(&g);
    join(task_b);
}

UTEST_RULES(rules_2009, "bp-rules-2009", "2009")
{
    check_table(RULES_2009);
}

UTEST_RULES(rules_exact, "bp-rules-exact", "exact")
{
    check_table(RULES_EXACT);
}

UTEST_RULES(rules_mainline, "bp-rules-mainline", "mainline")
{
    check_table(RULES_MAINLINE);
}

UTEST_ENTRY(rules_switch, "bp-rules-switch", NULL, NEEDS_DR7)
{
    static const char *const names[] = {"2009", "exact", "mainline"};
    char now[32];

    for (int i = 0; i < 3; i++) {
        CHECK_EQ(write_text(RULES_FILE, names[i]), 0);
        CHECK(read_text(RULES_FILE, now, sizeof now) > 0);
        now[strcspn(now, "\n")] = '\0';
        CHECK(strcmp(now, names[i]) == 0);
    }
    CHECK_EQ(write_text(RULES_FILE, "exact\n"), 0); // as echo writes it
    CHECK_ERRNO(write_text(RULES_FILE, "2010"), EINVAL);
    CHECK_ERRNO(write_text(RULES_FILE, "exactly"), EINVAL);

    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &v, 8);
    attr.disabled = 1; // a disabled breakpoint exists, too
    int fd = MUST_OPEN(&attr, 0, -1);
    CHECK_ERRNO(write_text(RULES_FILE, "2009"), EBUSY);
    CHECK_ERRNO(write_text(RULES_FILE, "exact"), EBUSY);
    CHECK_ERRNO(write_text(RULES_FILE, "2010"), EINVAL);
    close(fd);
    CHECK_EQ(write_text(RULES_FILE, "2009"), 0);
}

// The last lines of /proc/hwbp explain a refusal.
UTEST_RULES(rules_words, "bp-rules-words", "2009")
{
    static char text[65536];
    int fd[BP_REGISTERS];

    for (int i = 0; i < BP_REGISTERS; i++)
        fd[i] = bp_must(HW_BREAKPOINT_W, &v, 8);
    CHECK_EQ(hwbp_sum("hwbp", "live"), BP_REGISTERS);
    CHECK_ERRNO(bp_open(HW_BREAKPOINT_W, &v, 8), ENOSPC);
    CHECK(read_text(HWBP_FILE, text, sizeof text) > 0);
    CHECK(strncmp(text, "hwbp 1 rules=2009 ", 18) == 0);
    CHECK(strstr(text, "\nrefused ENOSPC "));
    for (int i = 0; i < BP_REGISTERS; i++)
        close(fd[i]);
}
