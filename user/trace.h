// Reads the symbol tracer's file "trace" (docs/ksym.md).
#pragma once

#include "user/proc.h"

#define TRACING_DIR      "/sys/kernel/debug/tracing"
#define KSYM_FILTER_FILE TRACING_DIR "/ksym_trace_filter"
#define KSYM_TRACE_FILE  TRACING_DIR "/trace"
#define KSYM_STAT_FILE   TRACING_DIR "/trace_stat/ksym_tracer"

struct traced_access {
    char task[32]; // name, minus, number
    int cpu;
    double seconds;
    char symbol[128], kind[4], function[128]; // kind: "W" or "RW"
    const char *callers;                      // the rest of the line: " <- f+0x1 <- g+0x2"
};

// Parses a line. Returns 0 for a line that is no access: a heading, or a record of the kernel's
// trace. Such a line does not begin with a blank.
static inline int parse_access(const char *line, struct traced_access *a)
{
    // The task's name may contain any letters, also brackets.
    for (const char *p = strchr(line, '['); *line == ' ' && p; p = strchr(p + 1, '[')) {
        const char *begin = line + strspn(line, " "), *end = p;
        int length = 0;
        if (sscanf(p, "[%d] %lf: %127s %3s %127s%n", &a->cpu, &a->seconds, a->symbol, a->kind,
                   a->function, &length) != 5)
            continue;
        a->callers = p + length;
        while (end > begin && end[-1] == ' ')
            end--;
        snprintf(a->task, sizeof a->task, "%.*s", (int)(end - begin), begin);
        return 1;
    }
    return 0;
}

#define TRACE_WIDTH 80 // of a terminal
#define TRACE_BY    59 // the column of the function

// Prints the function after `used` columns, or on the next line if it does not fit.
static inline void print_function(int used, const char *name, int length)
{
    if (used > TRACE_BY || TRACE_BY + length > TRACE_WIDTH) {
        printf("%s", used ? "\n" : "");
        used = 0;
    }
    int room = TRACE_WIDTH - length;
    printf("%*s%.*s\n", (room < TRACE_BY ? room : TRACE_BY) - used, "", length, name);
}

// Prints the callers, one in each line.
static inline void print_callers(const char *at)
{
    int length;

    for (; strncmp(at, " <- ", 4) == 0; at += length) {
        at += 4;
        length = (int)strcspn(at, " \n");
        print_function(0, at, length);
    }
}

// Prints a trace for users, with the callers if wanted. Returns the number of accesses.
static inline int print_trace(const char *text, int callers)
{
    struct traced_access a;
    double start = 0;
    int n = 0;

    for (const char *line = text; line; line = next_line(line)) {
        if (!parse_access(line, &a))
            continue;
        if (n++ == 0) {
            start = a.seconds;
            printf("      ms CPU %-17s %-10s %-16s by\n", "task", "access", "variable");
        }
        int used = printf("%8.3f %3d %-17s %-10s %-16s ", (a.seconds - start) * 1000, a.cpu, a.task,
                          strcmp(a.kind, "W") == 0 ? "write" : "read/write", a.symbol);
        print_function(used, a.function, (int)strlen(a.function));
        if (callers)
            print_callers(a.callers);
    }
    return n;
}
