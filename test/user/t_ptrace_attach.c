// ptrace(2): attaching to a child that is stopped already, and SIGCONT just as one stops.
#include "test/user/trace.h"

#define GROUP_STOP STOPPED(SIGSTOP | PTRACE_EVENT_STOP << 8)
#define TOLD       STOPPED(SIGTRAP | PTRACE_EVENT_STOP << 8)

static pid_t stopped_child(void (*fn)(void *arg), void *arg)
{
    pid_t pid = fork();
    int status;

    REQUIRE(pid >= 0);
    if (pid == 0) {
        raise(SIGSTOP);
        fn(arg);
        _exit(0);
    }
    REQUIRE(waitpid(pid, &status, WUNTRACED) == pid && status == STOPPED(SIGSTOP));
    return pid;
}

static void nothing(void *)
{
}

// The status of the child, or 0 if there is none now.
static int status_now(pid_t pid)
{
    int status = 0;

    CHECK(waitpid(pid, &status, WNOHANG | __WALL) >= 0);
    return status;
}

// A stopped child can be waited for right after the attach, and takes requests even before the
// wait.
UTEST(ptrace_attach_stopped, "ptrace.attach-stopped")
{
    for (long i = 0; i < scaled(100); i++) {
        pid_t pid = stopped_child(nothing, NULL);
        CHECK_EQ(ptrace(PTRACE_ATTACH, pid, 0, 0), 0);
        CHECK(regs_of(pid).rip);
        CHECK_EQ(status_now(pid), STOPPED(SIGSTOP));
        finish(pid);

        pid = stopped_child(nothing, NULL);
        CHECK_EQ(ptrace(PTRACE_SEIZE, pid, 0, 0), 0);
        CHECK_EQ(status_now(pid), GROUP_STOP);
        finish(pid);
    }
}

// If the child is killed between its stop and its traced stop, the tracer must not wait for ever.
UTEST(ptrace_attach_killed, "ptrace.attach-killed")
{
    for (long i = 0; i < scaled(100); i++) {
        pid_t pid = stopped_child(nothing, NULL), killer = fork();
        REQUIRE(killer >= 0);
        if (killer == 0)
            _exit(kill(pid, SIGKILL) != 0);
        if (ptrace(PTRACE_ATTACH, pid, 0, 0))
            CHECK(errno == EPERM); // the child is dead already
        CHECK_EQ(wait_for(killer), 0);
        int status = next_status(pid);
        CHECK_EQ(status == STOPPED(SIGSTOP) ? next_status(pid) : status, SIGKILL);
    }
}

#define ROUNDS 2000

static void stop_often(void *)
{
    for (long i = 0; i < scaled(ROUNDS); i++)
        raise(SIGSTOP);
}

static void spin(long n)
{
    for (volatile long i = 0; i < n; i++)
        ;
}

// One SIGCONT for each stop, sent while the tracee is about to stop. A tracer that then uses
// PTRACE_LISTEN must see an event, or both sleep for ever.
UTEST(ptrace_continue_race, "ptrace.continue-race")
{
    pid_t pid = stopped_child(stop_often, NULL);
    long conts = 0;

    CHECK_EQ(ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL), 0);
    CHECK_EQ(kill(pid, SIGCONT), 0);
    for (;;) {
        int status = next_status(pid);
        if (status == GROUP_STOP) {
            CHECK_EQ(ptrace(PTRACE_LISTEN, pid, 0, 0), 0);
        } else if (status == STOPPED(SIGSTOP)) {
            REQUIRE(ptrace(PTRACE_CONT, pid, 0, SIGSTOP) == 0);
            spin(conts++ % 200 * 40);
            CHECK_EQ(kill(pid, SIGCONT), 0);
        } else if (status == TOLD || status == STOPPED(SIGCONT)) {
            REQUIRE(ptrace(PTRACE_CONT, pid, 0, 0) == 0);
        } else {
            CHECK_EQ(status, ENDED(0));
            break;
        }
    }
    CHECK_EQ(conts, scaled(ROUNDS));
}
