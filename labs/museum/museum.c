// Runs the tests whose names are given. The exit status is 0 when all of them say that the kernel
// is right, else 1.
#include "labs/museum/museum.h"
#include <stdio.h>
#include <stdlib.h>

bool calls_are_counted(void), neighbours_stay(void), refused_leaves_nothing(void),
    refused_changes_nothing(void), debugger_reads_back(void);

static const struct {
    const char *name;
    bool (*fn)(void);
} tests[] = {
    {"calls_are_counted", calls_are_counted},
    {"neighbours_stay", neighbours_stay},
    {"refused_leaves_nothing", refused_leaves_nothing},
    {"refused_changes_nothing", refused_changes_nothing},
    {"debugger_reads_back", debugger_reads_back},
};

volatile uint64_t museum_word[BP_REGISTERS];
static volatile long calls;

__attribute__((noinline, noclone)) void museum_call(void)
{
    calls++;
}

static unsigned long register_at(int n)
{
    return offsetof(struct user, u_debugreg) + 8ul * (unsigned long)n;
}

pid_t museum_child(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        for (int i = 0; i < BP_REGISTERS; i++)
            museum_word[i] = 1;
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return pid;
}

int museum_go(pid_t pid)
{
    int status = -1;
    ptrace(PTRACE_CONT, pid, 0, 0);
    waitpid(pid, &status, 0);
    return status;
}

void museum_end(pid_t pid)
{
    int status;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
}

unsigned long museum_peek(pid_t pid, int n)
{
    return (unsigned long)ptrace(PTRACE_PEEKUSER, pid, register_at(n), 0);
}

int museum_poke(pid_t pid, int n, unsigned long value)
{
    return ptrace(PTRACE_POKEUSER, pid, register_at(n), value) ? errno : 0;
}

struct perf_event_attr museum_refused(int kind)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &museum_word[0], 8);
    if (kind == 0)
        attr.bp_len = 3;
    if (kind == 1)
        attr.bp_addr++, attr.bp_len = 4;
    if (kind == 2)
        attr.bp_type = HW_BREAKPOINT_R;
    if (kind == 3)
        attr.bp_addr = 0xffffffff80000000;
    return attr;
}

int main(int argc, char **argv)
{
    bool right = argc > 1;
    for (int i = 1; i < argc; i++) {
        for (size_t t = 0; t < sizeof tests / sizeof tests[0]; t++) {
            if (strcmp(argv[i], tests[t].name) == 0) {
                bool said = tests[t].fn();
                printf("%s: the kernel is %s\n", argv[i], said ? "right" : "wrong");
                right = right && said;
            }
        }
    }
    return right ? 0 : 1;
}
