// mydbg ADDRESS LENGTH PROGRAM [ARGUMENT...]: who writes there, and what? For dr7 and Linux.
// mydbg ADDRESS LENGTH -p PID: the same for a process that runs already
//
// ADDRESS is hexadecimal; LENGTH is 1, 2, 4 or 8. Each write has a line: RIP after it, the value
// before, and the value after. All are hexadecimal:
//
//   401a2c: 0 -> 2a
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

struct point {
    pid_t pid;
    uint64_t addr, len;
    uint64_t value; // as it was when we looked last
};

// ---- given ----

// The debug register n of a process that has stopped. write_dr() returns 0, or the error.
static uint64_t read_dr(pid_t pid, int n)
{
    return (uint64_t)ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg) + 8ul * n, 0);
}

static int write_dr(pid_t pid, int n, uint64_t value)
{
    return ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg) + 8ul * n, value) ? errno
                                                                                            : 0;
}

// ---- yours ----

// Starts a program, which stops before its first instruction. -1: it cannot be started.
pid_t start(char **argv)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execv(argv[0], argv);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) ? pid : -1;
}

// Stops a process that runs. False: it cannot be traced.
bool attach(pid_t pid)
{
    int status;
    return ptrace(PTRACE_ATTACH, pid, 0, 0) == 0 && waitpid(pid, &status, 0) == pid &&
           WIFSTOPPED(status);
}

// Makes DR0 watch the point. False: the kernel refuses it.
bool watch(const struct point *p)
{
    const uint64_t kind = 1; // writes
    const uint64_t len = p->len == 8 ? 2 : p->len - 1;
    return write_dr(p->pid, 7, 0) == 0 && write_dr(p->pid, 0, p->addr) == 0 &&
           write_dr(p->pid, 7, 1 | kind << 16 | len << 18) == 0;
}

// What is in the point's bytes now, and in no others.
uint64_t value_of(const struct point *p)
{
    uint64_t value = (uint64_t)ptrace(PTRACE_PEEKDATA, p->pid, p->addr, 0);
    return p->len < 8 ? value & ((1ull << 8 * p->len) - 1) : value;
}

// Whether DR0 is why the process has stopped. It is asked once for each stop.
bool take_hit(pid_t pid)
{
    bool hit = read_dr(pid, 6) & 1;
    write_dr(pid, 6, 0);
    return hit;
}

// Prints a hit, and remembers the new value.
void report(struct point *p)
{
    struct user_regs_struct regs;
    uint64_t old = p->value;
    ptrace(PTRACE_GETREGS, p->pid, 0, &regs);
    p->value = value_of(p);
    printf("%llx: %lx -> %lx\n", regs.rip, old, p->value);
    fflush(stdout);
}

// Lets the process go on until it has ended, and reports the first LIMIT hits. Then the process
// runs on, and nothing is watched any more. The process gets the signals that are not ours.
// Returns its last status.
int debug(struct point *p)
{
    const int limit = 6;
    int status, signal = 0, hits = 0;
    for (;;) {
        if (ptrace(PTRACE_CONT, p->pid, 0, signal) || waitpid(p->pid, &status, 0) != p->pid)
            return -1;
        if (!WIFSTOPPED(status))
            return status;
        signal = WSTOPSIG(status);
        if (signal == SIGTRAP && take_hit(p->pid)) {
            signal = 0;
            report(p);
            if (++hits == limit)
                write_dr(p->pid, 7, 0);
        }
    }
}

// ---- given ----

static bool begin(struct point *p, char **argv)
{
    bool old = strcmp(argv[3], "-p") == 0;
    p->addr = strtoull(argv[1], NULL, 16);
    p->len = strtoull(argv[2], NULL, 10);
    p->pid = old ? atoi(argv[4]) : start(argv + 3);
    if (p->pid <= 0 || (old && !attach(p->pid))) {
        printf("mydbg: there is no process\n");
        return false;
    }
    p->value = value_of(p);
    if (watch(p))
        return true;
    printf("mydbg: cannot watch %lu bytes at %lx\n", p->len, p->addr);
    kill(p->pid, SIGKILL);
    return false;
}

int main(int argc, char **argv)
{
    struct point point;
    if (argc < 4 || (strcmp(argv[3], "-p") == 0 && argc != 5)) {
        fprintf(stderr, "mydbg ADDRESS LENGTH PROGRAM [ARGUMENT...]\n"
                        "mydbg ADDRESS LENGTH -p PID\n");
        return 2;
    }
    if (!begin(&point, argv))
        return 1;
    int status = debug(&point);
    if (WIFEXITED(status))
        printf("exited %d\n", WEXITSTATUS(status));
    else
        printf("killed %d\n", WTERMSIG(status));
    return 0;
}
