// The kernel's trace as files: a read of `trace` changes nothing, but a read of trace_pipe removes
// records.
#include "test/user/bp_test.h"
#include <stdlib.h>

#define TRACING "/sys/kernel/debug/tracing/"
#define TRACE   TRACING "trace"
#define PIPE    TRACING "trace_pipe"
#define STORES  3

static char text[1 << 18], again[1 << 18];
static uint64_t watched, other;

static const char *read_of(const char *path)
{
    REQUIRE(read_text(path, again, sizeof again) >= 0);
    return again;
}

// The records in the text of `trace`, without the heading.
static const char *records(const char *all)
{
    while (*all == '#')
        all = strchr(all, '\n') + 1;
    return all;
}

static void set(const char *file, const char *value)
{
    char path[64];

    snprintf(path, sizeof path, TRACING "%s", file);
    REQUIRE(write_text(path, value) == 0);
}

static void drop(void)
{
    int fd = open(TRACE, O_WRONLY | O_TRUNC); // as the shell's ">" does

    CHECK(fd >= 0);
    close(fd);
}

// Traces n stores to a watched variable. Returns what the line of a hit has after the time.
static const char *trace_stores(int n)
{
    static char want[128];
    unsigned long next, id;
    int fd = bp_must(HW_BREAKPOINT_W, &watched, 8);

    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_ID, &id), 0);
    set("tracing_on", "1");
    for (int i = 0; i < n; i++)
        __asm__ volatile("movq $1, %1\n1: leaq 1b(%%rip), %0" : "=&r"(next), "+m"(watched));
    set("tracing_on", "0");
    CHECK_EQ(bp_end(fd), n);
    snprintf(want, sizeof want, "bp_hit: reg=0 id=%lu ip=0x%lx\n", id, next);
    return want;
}

// The number of lines that start with `begin` and have `what` after the time.
static int lines_with(const char *begin, const char *what)
{
    int n = 0;

    for (const char *line = records(text); line && *line; line = next_line(line)) {
        const char *behind = strstr(line, ": ");
        n += strncmp(line, begin, strlen(begin)) == 0 && behind &&
             strncmp(behind + 2, what, strlen(what)) == 0;
    }
    return n;
}

// Reads in small pieces give the same text. Text that did not fit into a bad buffer is not lost.
static void check_pieces(const char *path, const char *want)
{
    size_t len = 0;
    ssize_t n, refused;
    int fd = open(path, O_RDONLY);

    do {
        refused = read(fd, bad_pointer(), 7);
        n = read(fd, again + len, 7);
        CHECK_EQ(refused, n > 0 ? -1 : 0);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    CHECK_EQ(n, 0);
    again[len] = '\0';
    CHECK_EQ(strcmp(again, want), 0);
    close(fd);
}

UTEST_ENTRY(trace_stays, "trace-stays", NULL, NEEDS_DR7)
{
    pin_to_cpu(0);
    drop();
    set("buffer_size_kb", "64");
    const char *want = trace_stores(STORES);
    CHECK(read_text(TRACE, text, sizeof text) > 0);
    CHECK_EQ(lines_with("[000] ", want), STORES);
    CHECK_EQ(lines_with("", want), STORES);
    CHECK_EQ(strcmp(read_of(TRACE), text), 0);
    check_pieces(TRACE, text);
    CHECK_EQ(write_text(TRACE, "0"), 0); // "0" is a request of the symbol tracer
    check_pieces(PIPE, records(text));
    CHECK_EQ(strcmp(records(read_of(TRACE)), ""), 0);
    CHECK_EQ(strcmp(read_of(PIPE), ""), 0);
    set("buffer_size_kb", "0");
}

// The records of a commit: an event gets a register or loses it, and registers are written.
UTEST_ENTRY(trace_commits, "trace-commits", NULL, NEEDS_DR7)
{
    char comes[96], leaves[64];
    unsigned long id;

    pin_to_cpu(0);
    drop();
    set("buffer_size_kb", "64");
    int fd = bp_must(HW_BREAKPOINT_W, &watched, 8); // the first commit of the trace tells of it
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_ID, &id), 0);
    set("tracing_on", "1");
    close(bp_must(HW_BREAKPOINT_W, &other, 8));
    close(fd);
    set("tracing_on", "0");
    CHECK(read_text(TRACE, text, sizeof text) > 0);
    CHECK(lines_with("[000] ", "bp_install: reg=1 ") >= 1);
    snprintf(comes, sizeof comes, "bp_install: reg=0 id=%lu addr=%p len=8 ", id, (void *)&watched);
    snprintf(leaves, sizeof leaves, "bp_evict: reg=0 id=%lu\n", id);
    int times = lines_with("[000] ", comes); // more than one if the task lost the CPU meanwhile
    CHECK(times >= 1);
    CHECK_EQ(lines_with("[000] ", leaves), times);
    CHECK(lines_with("[000] ", "bp_writes: n=") >= times);
    set("buffer_size_kb", "0");
}

// A reader that has begun gets neither later records nor dropped ones.
UTEST_ENTRY(trace_drops, "trace-drops", NULL, NEEDS_DR7)
{
    ssize_t n;

    pin_to_cpu(0);
    set("buffer_size_kb", "64");
    trace_stores(STORES);
    int fd = open(TRACE, O_RDONLY);
    REQUIRE(read(fd, text, 1) == 1);
    trace_stores(STORES);
    drop();
    while ((n = read(fd, text, sizeof text)) > 0)
        CHECK(text[0] != '[');
    CHECK_EQ(n, 0);
    CHECK_EQ(strcmp(records(read_of(TRACE)), ""), 0);
    CHECK_EQ(strcmp(read_of(PIPE), ""), 0);
    set("buffer_size_kb", "16");
    const char *want = trace_stores(1);
    CHECK_EQ(read(fd, text, sizeof text), 0);
    CHECK(read_text(TRACE, text, sizeof text) > 0);
    CHECK_EQ(lines_with("[000] ", want), 1);
    close(fd);
    set("buffer_size_kb", "0");
}

// A ring of 1 KiB has 32 records. A longer trace loses its oldest ones.
UTEST_ENTRY(trace_lost, "trace-lost", NULL, NEEDS_DR7)
{
    pin_to_cpu(0);
    set("buffer_size_kb", "1");
    trace_stores(100);
    CHECK(read_text(TRACE, text, sizeof text) > 0);
    CHECK_EQ(lines_with("[000] ", ""), 32);
    CHECK(atol(read_of(TRACING "trace_lost")) >= 100 - 32);
    drop();
    CHECK_EQ(atol(read_of(TRACING "trace_lost")), 0);
    set("buffer_size_kb", "0");
}
