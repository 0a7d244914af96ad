// Calls with a time limit that a stop interrupts, and select(2).
#include "test/user/utest.h"
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>

#define LIMIT_MS 300

static const struct timespec limit = {.tv_nsec = LIMIT_MS * 1000000};

static long poll_limit(void)
{
    return poll(NULL, 0, LIMIT_MS);
}

static long ppoll_limit(void)
{
    return ppoll(NULL, 0, &limit, NULL);
}

static long select_limit(void)
{
    struct timeval tv = {.tv_usec = LIMIT_MS * 1000};
    return select(0, NULL, NULL, NULL, &tv);
}

static long pselect_limit(void)
{
    sigset_t none;
    sigemptyset(&none);
    return pselect(0, NULL, NULL, NULL, &limit, &none);
}

static long futex_limit(void)
{
    int word = 0;
    long result = syscall(SYS_futex, &word, FUTEX_WAIT, 0, &limit);
    return result == -1 && errno == ETIMEDOUT ? 0 : 1;
}

static long sleep_limit(void)
{
    return nanosleep(&limit, NULL);
}

// A call that is stopped and continued does not end early, and does not start its time again.
static void check_stop(const char *name, long (*call)(void))
{
    int status;
    uint64_t from = now_ns();
    pid_t pid = fork();

    if (!pid)
        _exit(call() == 0 ? 0 : errno ? errno : 1);
    sleep_ms(LIMIT_MS / 6);
    kill(pid, SIGSTOP);
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status));
    kill(pid, SIGCONT);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    if (status)
        utest_fail(__FILE__, __LINE__, "%s: status %x", name, status);
    CHECK(now_ns() - from >= LIMIT_MS * 1000000ull);
}

UTEST(restart_stop, "restart-stop")
{
    check_stop("poll", poll_limit);
    check_stop("ppoll", ppoll_limit);
    check_stop("select", select_limit);
    check_stop("pselect", pselect_limit);
    check_stop("futex", futex_limit);
    check_stop("nanosleep", sleep_limit);
}

static void ignore(int sig)
{
    (void)sig;
}

UTEST(restart_handler, "restart-handler")
{
    struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
    long (*const calls[])(void) = {poll_limit, ppoll_limit, select_limit, pselect_limit,
                                   sleep_limit};

    sigaction(SIGALRM, &action, NULL);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        ualarm(10000, 10000);           // the first signal may come before the call
        CHECK_ERRNO(calls[i](), EINTR); // with SA_RESTART and without
    }
    ualarm(0, 0);
    CHECK_ERRNO(syscall(SYS_restart_syscall), EINTR);
}

UTEST(select_sets, "select")
{
    struct timeval tv = {0};
    fd_set in, out, except;
    int p[2];

    REQUIRE(pipe(p) == 0);
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(p[0], &in);
    FD_SET(p[1], &out);
    CHECK_EQ(select(p[1] + 1, &in, &out, NULL, &tv), 1);
    CHECK(!FD_ISSET(p[0], &in) && FD_ISSET(p[1], &out));
    CHECK_EQ(write(p[1], "x", 1), 1);
    FD_SET(p[0], &in);
    except = in;
    CHECK_EQ(select(p[1] + 1, &in, &out, &except, &tv), 2);
    CHECK(FD_ISSET(p[0], &in) && FD_ISSET(p[1], &out) && !FD_ISSET(p[0], &except));
    FD_ZERO(&in);
    FD_SET(p[0], &in);
    CHECK_EQ(select(p[0], &in, NULL, NULL, &tv), 0); // the set is empty
    FD_SET(p[0], &in);
    close(p[1]);
    FD_SET(p[1], &out);
    CHECK_ERRNO(select(p[1] + 1, &in, &out, NULL, &tv), EBADF);
    CHECK_EQ(select(p[0] + 1, &in, NULL, NULL, NULL), 1);
    CHECK_ERRNO(select(-1, NULL, NULL, NULL, &tv), EINVAL);
    tv.tv_usec = -1;
    CHECK_ERRNO(syscall(SYS_select, 0, NULL, NULL, NULL, &tv), EINVAL);
    tv = (struct timeval){.tv_usec = 1000};
    CHECK_EQ(syscall(SYS_select, 0, NULL, NULL, NULL, &tv), 0);
    CHECK_EQ(tv.tv_sec + tv.tv_usec, 0); // the time that is left
    struct pollfd q = {.fd = p[0], .events = POLLRDNORM};
    CHECK_EQ(poll(&q, 1, 0), 1);
    CHECK_EQ(q.revents, POLLRDNORM | POLLHUP);
}

UTEST(death_signal, "death-signal")
{
    struct gate ready, ended;
    int sig = 0;

    gate_init(&ready);
    gate_init(&ended);
    CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGTERM), 0);
    CHECK_EQ(prctl(PR_GET_PDEATHSIG, &sig), 0);
    CHECK_EQ(sig, SIGTERM);
    CHECK_ERRNO(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
    pid_t pid = fork();
    if (!pid) {
        if (!fork()) {
            sigset_t set;
            sigemptyset(&set);
            sigaddset(&set, SIGUSR1);
            sigprocmask(SIG_BLOCK, &set, NULL);
            CHECK_EQ(prctl(PR_GET_PDEATHSIG, &sig), 0);
            CHECK_EQ(sig, 0); // a fork does not inherit it
            prctl(PR_SET_PDEATHSIG, SIGUSR1);
            gate_open(&ready);
            sigwait(&set, &sig);
            CHECK_EQ(sig, SIGUSR1);
            gate_open(&ended);
            _exit(0);
        }
        gate_wait(&ready);
        _exit(0);
    }
    CHECK_EQ(wait_for(pid), 0);
    gate_wait(&ended);
}
