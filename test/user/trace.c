// Helpers of the ptrace tests.
#include "test/user/trace.h"

pid_t trace(void (*fn)(void *arg), void *arg)
{
    pid_t pid = fork();

    REQUIRE(pid >= 0);
    if (pid == 0) {
        REQUIRE(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
        raise(SIGSTOP);
        fn(arg);
        _exit(0);
    }
    CHECK_EQ(next_status(pid), STOPPED(SIGSTOP));
    return pid;
}

int next_status(pid_t tid)
{
    int status = -1;

    REQUIRE(waitpid(tid, &status, __WALL) == tid);
    return status;
}

int go(int request, pid_t pid, int sig)
{
    REQUIRE(ptrace(request, pid, 0, sig) == 0);
    return next_status(pid);
}

void finish(pid_t pid)
{
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(next_status(pid), SIGKILL);
}

long peek_dr(pid_t pid, int n)
{
    errno = 0;
    long value = ptrace(PTRACE_PEEKUSER, pid, DR_OFFSET(n), 0);
    CHECK_EQ(errno, 0);
    return value;
}

int poke_dr(pid_t pid, int n, unsigned long value)
{
    return ptrace(PTRACE_POKEUSER, pid, DR_OFFSET(n), value) ? errno : 0;
}

struct user_regs_struct regs_of(pid_t pid)
{
    struct user_regs_struct r;

    REQUIRE(ptrace(PTRACE_GETREGS, pid, 0, &r) == 0);
    return r;
}

siginfo_t siginfo_of(pid_t pid)
{
    siginfo_t info;

    REQUIRE(ptrace(PTRACE_GETSIGINFO, pid, 0, &info) == 0);
    return info;
}
