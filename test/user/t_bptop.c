// What bptop prints when its output is not a screen.
#include "test/user/bp_test.h"
#include <sys/wait.h>

#define FLEXIBLE 6
#define HITS     7

static volatile uint64_t var[FLEXIBLE];
static char out[65536];

// Everything that `bptop -n rounds -d 0` prints.
static void run_bptop(const char *rounds)
{
    int pipes[2], status;
    size_t len = 0;
    ssize_t n;

    REQUIRE(pipe(pipes) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(pipes[1], 1);
        close(pipes[0]);
        execl("/bin/bptop", "bptop", "-n", rounds, "-d", "0", (char *)NULL);
        no_exec("bptop");
    }
    close(pipes[1]);
    while ((n = read(pipes[0], out + len, sizeof out - 1 - len)) > 0)
        len += (size_t)n;
    out[len] = '\0';
    close(pipes[0]);
    waitpid(pid, &status, 0);
    if (status)
        utest_fail(__FILE__, __LINE__, "bptop ends with status %#x: %s", status, out);
}

static int count(const char *what)
{
    int n = 0;

    for (const char *at = out; (at = strstr(at, what)); at++)
        n++;
    return n;
}

// A pinned breakpoint of a CPU, with its hits, in both rounds.
UTEST_HWBP(bptop, "bptop")
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &var[0], 8);
    char line[128];

    if (!on_dr7())
        utest_skip("Linux has no /proc/hwbp");
    pin_to_cpu(0);
    int fd = MUST_OPEN(&attr, -1, 0);
    for (int i = 0; i < HITS; i++)
        store8(&var[0], 1);
    run_bptop("2");
    CHECK_EQ(count("bptop: "), 2);
    CHECK_EQ(count("CPU REG OWNER"), 2);
    snprintf(line, sizeof line, "\n  0 DR0 %-12s %-18p %3d w  pinned   %9d %6d 100.0\n", "CPU 0",
             (void *)&var[0], 8, HITS, 0);
    CHECK_EQ(count(line), 2);
    CHECK_EQ(count("\n  0 DR1 -\n"), 2);
    close(fd);
}

// Six breakpoints take turns on CPU 0: four have registers, two wait, and none is missing.
UTEST_RULES(bptop_turns, "bptop-turns", "exact")
{
    int fd[FLEXIBLE];
    char addr[32];

    for (int i = 0; i < FLEXIBLE; i++) {
        struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &var[i], 8);
        attr.pinned = 0;
        REQUIRE((fd[i] = bp_open_attr(&attr, -1, 0)) >= 0);
    }
    run_bptop("1");
    CHECK_EQ(count("\n  0 DR"), BP_REGISTERS);
    CHECK_EQ(count("\n  0  -  CPU 0 "), FLEXIBLE - BP_REGISTERS);
    for (int i = 0; i < FLEXIBLE; i++) {
        snprintf(addr, sizeof addr, " %p ", (void *)&var[i]);
        CHECK_EQ(count(addr), 1);
        close(fd[i]);
    }
}
