// wait4(2) and waitid(2): which children they wait for, and for which events.
#include "test/user/utest.h"
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static void exit_7(void *)
{
    _exit(7);
}

static pid_t zombie(void)
{
    siginfo_t info;
    pid_t pid = spawn(exit_7, NULL);
    REQUIRE(waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0);
    return pid;
}

// A child that has ended cannot stop any more.
UTEST(wait_zombie, "wait-zombie")
{
    siginfo_t info;
    pid_t pid = zombie();

    CHECK_ERRNO(waitid(P_PID, pid, &info, WSTOPPED), ECHILD);
    CHECK_ERRNO(waitid(P_ALL, 0, &info, WSTOPPED | WCONTINUED | WNOHANG), ECHILD);
    CHECK_EQ(waitid(P_ALL, 0, &info, WSTOPPED | WEXITED), 0);
    CHECK_EQ(info.si_pid, pid);
    CHECK_EQ(info.si_code, CLD_EXITED);
    CHECK_EQ(info.si_status, 7);
}

UTEST(wait_ids, "wait-ids")
{
    siginfo_t info;

    CHECK_ERRNO(waitid(P_PID, 0, &info, WEXITED), EINVAL);
    CHECK_ERRNO(waitid(P_PID, -1, &info, WEXITED), EINVAL);
    CHECK_ERRNO(waitid(P_PGID, -1, &info, WEXITED), EINVAL);
    CHECK_ERRNO(waitid(P_PGID, 0, &info, WEXITED), ECHILD);
}

static void *wait_from_thread(void *)
{
    CHECK_ERRNO(waitpid(-1, NULL, __WNOTHREAD), ECHILD);
    return NULL;
}

static void *fork_and_end(void *pid)
{
    *(pid_t *)pid = zombie();
    return NULL;
}

// __WNOTHREAD: a thread's own children. The children of an ended thread go to the first one.
UTEST(wait_nothread, "wait-nothread")
{
    pthread_t thread;
    pid_t pid = zombie();

    REQUIRE(pthread_create(&thread, NULL, wait_from_thread, NULL) == 0);
    pthread_join(thread, NULL);
    CHECK_EQ(waitpid(-1, NULL, __WNOTHREAD), pid);
    REQUIRE(pthread_create(&thread, NULL, fork_and_end, &pid) == 0);
    pthread_join(thread, NULL); // returns shortly before the thread has ended
    pid_t got = waitpid(-1, NULL, __WNOTHREAD);
    for (int ms = 0; got < 0 && ms < 5000; ms++) {
        sleep_ms(1);
        got = waitpid(-1, NULL, __WNOTHREAD);
    }
    CHECK_EQ(got, pid);
}
