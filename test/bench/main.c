// The rows of the benchmark, each as a line "name value". Arguments: the groups to run.
#include "test/bench/bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysinfo.h>

volatile uint64_t words[2 * BP_REGISTERS];
static int fds[BP_REGISTERS];
static int open_fds;

void failed(const char *what)
{
    printf("failed: %s: %s\n", what, strerror(errno));
    exit(1);
}

void report(const char *row, uint64_t value)
{
    printf("%s %llu\n", row, (unsigned long long)value);
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

uint64_t median(uint64_t *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, ascending);
    return values[n / 2];
}

void measure(const char *row, void (*op)(int n), int n)
{
    uint64_t times[BATCHES];

    op(n); // for effects that happen only once, for example page faults
    for (int i = 0; i < BATCHES; i++) {
        uint64_t start = ticks();
        op(n);
        times[i] = (ticks() - start) / (uint64_t)n;
    }
    report(row, median(times, BATCHES));
}

void open_words(int first, int n, bool inherit)
{
    for (int i = 0; i < n; i++) {
        struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &words[first + i], 8);
        attr.inherit = inherit;
        fds[i] = bp_open_attr(&attr, 0, -1);
        need(fds[i] >= 0, "a breakpoint");
    }
    open_fds = n;
}

void close_words(void)
{
    while (open_fds)
        close(fds[--open_fds]);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } groups[] = {{"calls", bench_calls},   {"switches", bench_switches}, {"tasks", bench_tasks},
                  {"ptrace", bench_ptrace}, {"turns", bench_turns},       {"beside", bench_beside},
                  {"many", bench_many},     {"holdups", bench_holdups},   {"cpus", bench_cpus}};
    struct sysinfo info;

    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    need(sysinfo(&info) == 0, "sysinfo");
    report("free-memory", (uint64_t)info.freeram * info.mem_unit);
    for (int i = 1; i < argc; i++) {
        size_t g = 0;
        while (g < sizeof groups / sizeof groups[0] && strcmp(groups[g].name, argv[i]) != 0)
            g++;
        need(g < sizeof groups / sizeof groups[0], argv[i]);
        groups[g].run();
    }
    return 0;
}
