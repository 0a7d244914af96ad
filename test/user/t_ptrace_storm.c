// ptrace(2) under disturbance: signals, death of either side, many attachments, on several CPUs.
#include "test/user/bp_test.h"
#include "test/user/trace.h"
#include <sched.h>

#define WORKERS 2

static volatile uint64_t watched;
static volatile sig_atomic_t caught;

static void count_signal(int)
{
    caught++;
}

static void work(void *)
{
    for (;;)
        sched_yield();
}

static void pester(void *arg)
{
    for (pid_t *pid = arg;; pid = pid[1] ? pid + 1 : arg) {
        kill(*pid, SIGUSR1);
        sched_yield();
    }
}

// Forwards other signals until the tracee has stopped with SIGSTOP.
static void wait_for_stop(pid_t pid)
{
    int status = next_status(pid);

    while (status == STOPPED(SIGUSR1))
        status = go(PTRACE_CONT, pid, SIGUSR1);
    CHECK_EQ(status, STOPPED(SIGSTOP));
}

// Tracees come and go, with and without debug registers, while many signals arrive.
UTEST_TYPE(ptrace_storm, "ptrace.storm")
{
    pid_t *workers = shared_memory(4096);

    signal(SIGUSR1, count_signal); // inherited by the workers, so that it holds from their start
    for (int i = 0; i < WORKERS; i++)
        workers[i] = spawn(work, NULL);
    signal(SIGUSR1, SIG_DFL);
    pid_t pest = spawn(pester, workers);
    for (long i = 0; i < scaled(50) && !utest_failures(); i++) {
        pid_t pid = workers[i % WORKERS];
        REQUIRE(ptrace(PTRACE_ATTACH, pid, 0, 0) == 0);
        wait_for_stop(pid);
        CHECK_EQ(poke_dr(pid, (int)(i % 3), (uintptr_t)&watched), 0);
        CHECK_EQ(poke_dr(pid, 7, DR7_SET(i % 3, DR_W, 2)), 0);
        REQUIRE(ptrace(i % 2 ? PTRACE_CONT : PTRACE_SINGLESTEP, pid, 0, 0) == 0);
        int status = i % 2 ? 0 : next_status(pid);
        CHECK(i % 2 || status == STOPPED(SIGTRAP) || status == STOPPED(SIGUSR1));
        if (i % 2) {
            kill(pid, SIGSTOP);
            wait_for_stop(pid);
        }
        CHECK_EQ(poke_dr(pid, 7, 0), 0);
        REQUIRE(ptrace(PTRACE_DETACH, pid, 0, 0) == 0);
    }
    finish(pest);
    for (int i = 0; i < WORKERS; i++)
        finish(workers[i]);
}

static void raise_for_ever(void *)
{
    for (;;)
        raise(SIGUSR2);
}

static void kill_soon(void *arg)
{
    for (pid_t *a = arg; a[1] > 0; a[1]--)
        sched_yield();
    kill(*(pid_t *)arg, SIGKILL);
}

// The tracee is killed at any moment: while it stops, is read, or goes on.
UTEST(ptrace_storm_kill, "ptrace.storm-kill")
{
    for (int i = 0; i < scaled(25); i++) {
        pid_t pid = trace(raise_for_ever, NULL), args[2] = {pid, i};
        struct user_regs_struct r;
        int status = STOPPED(SIGSTOP);
        pid_t killer = spawn(kill_soon, args);
        while (WIFSTOPPED(status)) {
            ptrace(PTRACE_GETREGS, pid, 0, &r);
            ptrace(PTRACE_SETREGS, pid, 0, &r);
            poke_dr(pid, 0, (uintptr_t)&watched);
            poke_dr(pid, 7, DR7_SET(0, DR_W, 2));
            ptrace(PTRACE_CONT, pid, 0, 0);
            status = next_status(pid);
        }
        CHECK_EQ(status, SIGKILL);
        join(killer);
    }
}

static void trace_until_killed(void *arg)
{
    pid_t pid = *(pid_t *)arg;

    REQUIRE(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0);
    poke_dr(pid, 0, 0);
    for (;;) {
        ptrace(PTRACE_INTERRUPT, pid, 0, 0);
        next_status(pid);
        poke_dr(pid, 0, (uintptr_t)&watched);
        poke_dr(pid, 7, DR7_SET(0, DR_W, 2));
        poke_dr(pid, 7, 0);
        ptrace(PTRACE_SYSCALL, pid, 0, 0);
    }
}

// The tracer is killed: the tracee goes on as if it had never been traced.
UTEST(ptrace_storm_tracer, "ptrace.storm-tracer")
{
    pid_t worker = spawn(work, NULL);

    for (int i = 0; i < scaled(25); i++) {
        pid_t tracer = spawn(trace_until_killed, &worker), args[2] = {tracer, i + 1};
        pid_t killer = spawn(kill_soon, args);
        CHECK_EQ(wait_for(tracer), SIGKILL);
        join(killer);
    }
    CHECK_EQ(waitpid(worker, NULL, WNOHANG), 0);
    finish(worker);
}
