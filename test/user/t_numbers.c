// Process numbers: when the numbers start again from the lowest, one in use is not given again.
#include "test/user/utest.h"
#include <signal.h>
#include <sys/wait.h>

#define LAST "/proc/sys/kernel/ns_last_pid"

static void sleep_for_ever(void)
{
    for (;;)
        pause();
}

static pid_t child(void (*fn)(void))
{
    pid_t pid = fork();

    REQUIRE(pid >= 0);
    if (pid == 0) {
        if (fn)
            fn();
        _exit(0);
    }
    return pid;
}

static void end(pid_t pid)
{
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

// Makes this number the next one. A free number would be given to the next process.
static void try_again(pid_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%d", (int)number - 1);
    if (write_text(LAST, text))
        utest_skip("%s: %s", LAST, strerror(errno));
    pid_t next = child(sleep_for_ever);
    CHECK(next != number);
    CHECK(next > number && next < number + 1000); // so the kernel has tried this number
    end(next);
}

UTEST(numbers_zombie, "numbers.zombie")
{
    pid_t ended = child(NULL);
    siginfo_t info;

    CHECK_EQ(waitid(P_PID, (id_t)ended, &info, WEXITED | WNOWAIT), 0);
    try_again(ended);
    try_again(ended);
    CHECK_EQ(waitpid(ended, NULL, 0), ended);
}

// The leader of a group has ended, but a member has not.
UTEST(numbers_group, "numbers.group")
{
    pid_t leader = child(sleep_for_ever), member = child(sleep_for_ever);

    CHECK_EQ(setpgid(leader, leader), 0);
    CHECK_EQ(setpgid(member, leader), 0);
    end(leader);
    try_again(leader);
    CHECK_EQ(getpgid(member), leader);
    end(member);
}

static void lead_session(void)
{
    CHECK_EQ(setsid(), getpid());
    pid_t member = child(sleep_for_ever);
    CHECK_EQ(setpgid(member, member), 0);
    printf("%d\n", (int)member);
    _exit(0);
}

UTEST(numbers_session, "numbers.session")
{
    char text[24] = "";
    int ends[2];

    REQUIRE(pipe(ends) == 0);
    pid_t leader = fork();
    if (leader == 0) {
        dup2(ends[1], 1);
        setvbuf(stdout, NULL, _IONBF, 0);
        lead_session();
    }
    REQUIRE(leader > 0 && read(ends[0], text, sizeof text - 1) > 0);
    CHECK_EQ(waitpid(leader, NULL, 0), leader);
    pid_t member = atoi(text);
    CHECK_EQ(getsid(member), leader);
    try_again(leader);
    CHECK_EQ(getsid(member), leader);
    kill(member, SIGKILL);
}

UTEST(numbers_last, "numbers.last")
{
    char text[24];

    pid_t pid = child(NULL);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    CHECK(read_text(LAST, text, sizeof text) > 0 || !on_dr7());
    if (on_dr7())
        CHECK_EQ(atoi(text), pid);
    CHECK(write_text(LAST, "-1") != 0 || !on_dr7());
    CHECK(write_text(LAST, "5000000") != 0 || !on_dr7());
}
