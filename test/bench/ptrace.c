// A debugger's work: debug registers of a stopped task, and stops at a watchpoint.
#include "test/bench/bench.h"

#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#define DEBUGREG(n) offsetof(struct user, u_debugreg[n])
#define DR7_WRITE_8 0x90001ul // DR0, local, writes, 8 bytes

static pid_t pid;

static void poke(int reg, unsigned long value)
{
    need(ptrace(PTRACE_POKEUSER, pid, DEBUGREG(reg), value) == 0, "a debug register");
}

static void stopped(void)
{
    int status;

    need(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status), "a stop");
}

static void set_clear(int n)
{
    while (n--) {
        poke(0, (unsigned long)&words[0]);
        poke(7, DR7_WRITE_8);
        poke(7, 0);
        poke(0, 0);
    }
}

static void watch_stops(int n)
{
    while (n--) {
        need(ptrace(PTRACE_CONT, pid, 0, 0) == 0, "PTRACE_CONT");
        stopped();
    }
}

void bench_ptrace(void)
{
    pid = fork();
    need(pid >= 0, "fork");
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0))
            _exit(1);
        raise(SIGSTOP);
        for (;;)
            words[0] = 1;
    }
    stopped();
    measure("ptrace-set-clear", set_clear, 50);
    poke(0, (unsigned long)&words[0]);
    poke(7, DR7_WRITE_8);
    measure("ptrace-stop", watch_stops, 50);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
