// Signals: their order, their receiver, and job control.
#include "test/user/utest.h"
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int order[8], taken;

static void note(int sig)
{
    order[taken++ % 8] = sig;
}

// Signals of faults come first, whatever their number. The handler that is entered last runs first.
UTEST(signal_order, "signal-order")
{
    static const int sent[] = {SIGUSR1, SIGSEGV, SIGHUP, SIGBUS};
    struct sigaction a = {.sa_handler = note};
    sigset_t set, none;

    sigemptyset(&none);
    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    for (int i = 0; i < 4; i++) {
        sigaction(sent[i], &a, NULL);
        kill(getpid(), sent[i]);
    }
    sigprocmask(SIG_SETMASK, &none, NULL);
    CHECK_EQ(taken, 4);
    CHECK_EQ(order[0], SIGUSR1);
    CHECK_EQ(order[1], SIGHUP);
    CHECK_EQ(order[2], SIGSEGV);
    CHECK_EQ(order[3], SIGBUS);
}

UTEST(signal_errors, "signal-errors")
{
    struct {
        void *handler;
        unsigned long flags, restorer, mask;
    } a = {.flags = ~0ul};

    CHECK_ERRNO(kill(1234567, 65), ESRCH); // the process is checked before the signal
    CHECK_ERRNO(kill(getpid(), 65), EINVAL);
    CHECK_ERRNO(kill(-getpgrp(), 65), EINVAL);
    CHECK_ERRNO(syscall(SYS_tgkill, 1234567, 1234567, 65), ESRCH);
    CHECK_ERRNO(syscall(SYS_tgkill, -1, getpid(), 0), EINVAL);
    CHECK_EQ(syscall(SYS_rt_sigaction, SIGUSR1, &a, NULL, 8), 0);
    CHECK_EQ(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &a, 8), 0);
    CHECK_EQ(a.flags, 0xdc000807); // only the known flags
}

// An ignored SIGCHLD is not sent, even if it is blocked.
UTEST(signal_child_ignored, "signal-child-ignored")
{
    sigset_t set, pending;

    signal(SIGCHLD, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (fork() == 0)
        _exit(0);
    CHECK_ERRNO(wait(NULL), ECHILD);
    sigpending(&pending);
    CHECK_EQ(sigismember(&pending, SIGCHLD), 0);
}

static void stop_in_orphaned_group(void *)
{
    int status;
    setsid();
    pid_t pid = fork();
    if (pid == 0) {
        raise(SIGTSTP);
        raise(SIGTTIN);
        _exit(4);
    }
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK_EQ(status, 4 << 8); // an orphaned group is not stopped: no process could continue it
    pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        raise(SIGTSTP);
        _exit(4);
    }
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK_EQ(WIFSTOPPED(status), 1); // here the parent can continue it
    kill(pid, SIGKILL);
}

UTEST(signal_orphaned, "signal-orphaned")
{
    join(spawn(stop_in_orphaned_group, NULL));
}

static struct gate ready;
static volatile int *heard;

static void hear(int sig)
{
    heard[sig == SIGHUP]++;
}

static void leave_stopped_job(void *)
{
    int status;
    setsid();
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        signal(SIGHUP, hear);
        signal(SIGCONT, hear);
        raise(SIGSTOP);
        gate_open(&ready);
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
}

// A stopped job whose parent ends gets SIGHUP and SIGCONT.
UTEST(signal_left_job, "signal-left-job")
{
    heard = shared_memory(2 * sizeof *heard);
    gate_init(&ready);
    join(spawn(leave_stopped_job, NULL));
    gate_wait(&ready);
    CHECK_EQ(heard[0], 1);
    CHECK_EQ(heard[1], 1);
}
