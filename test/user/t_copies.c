// System calls write only the fields that the manual names into the program's memory. Another
// thread may be using the bytes between and after them.
#include "test/user/utest.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/select.h>
#include <sys/wait.h>

static char buf[4096] __attribute__((aligned(4096)));
static int ready[2]; // a pipe that has data

static struct timespec *timeout_in(char *b, long nsec)
{
    struct timespec *ts = (struct timespec *)(b + 16);
    *ts = (struct timespec){0, nsec};
    return ts;
}

static void put_pollfd(char *b)
{
    *(struct pollfd *)b = (struct pollfd){.fd = ready[0], .events = POLLIN};
}

// ---- the calls; their input is in buf before the watch begins ----

static void call_poll(char *b)
{
    CHECK_EQ(syscall(SYS_poll, b, 1, 0), 1);
}

static void put_ppoll(char *b)
{
    put_pollfd(b);
    timeout_in(b, 0);
}

static void put_ppoll_long(char *b)
{
    put_pollfd(b);
    timeout_in(b, 999999999);
}

static void call_ppoll(char *b)
{
    CHECK_EQ(syscall(SYS_ppoll, b, 1, b + 16, NULL, 8), 1);
}

static void call_select(char *b)
{
    CHECK_EQ(syscall(SYS_select, 0, NULL, NULL, NULL, b + 16), 0);
}

static void call_waitid(char *b)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(7);
    CHECK_EQ(syscall(SYS_waitid, P_PID, pid, b, WEXITED, NULL), 0);
    siginfo_t *info = (siginfo_t *)b;
    CHECK_EQ(info->si_signo, SIGCHLD);
    CHECK_EQ(info->si_errno, 0);
    CHECK_EQ(info->si_code, CLD_EXITED);
    CHECK_EQ(info->si_pid, pid);
    CHECK_EQ(info->si_uid, 0);
    CHECK_EQ(info->si_status, 7);
}

// Room for one entry, ".": its name ends in byte 20, and its length is rounded up to 24.
static void call_getdents(char *b)
{
    int fd = open("/", O_RDONLY | O_DIRECTORY);
    CHECK_EQ(syscall(SYS_getdents64, fd, b, 24), 24);
    CHECK_EQ(*(uint16_t *)(b + 16), 24);
    CHECK_EQ(b[20], 0);
    close(fd);
}

struct place {
    const char *what;
    void (*put)(char *b);
    void (*call)(char *b);
    unsigned at, len; // in buf
    bool written;
};

static const struct place places[] = {
    {"poll, fd", put_pollfd, call_poll, 0, 4, false},
    {"poll, events", put_pollfd, call_poll, 4, 2, false},
    {"poll, revents", put_pollfd, call_poll, 6, 2, true},
    {"ppoll, no time", put_ppoll, call_ppoll, 24, 8, false},
    {"ppoll, a time", put_ppoll_long, call_ppoll, 24, 8, true},
    {"select, no time", put_ppoll, call_select, 16, 8, false},
    {"waitid, si_code", NULL, call_waitid, 8, 4, true},
    {"waitid, after it", NULL, call_waitid, 12, 4, false},
    {"waitid, si_pid", NULL, call_waitid, 16, 4, true},
    {"waitid, si_status", NULL, call_waitid, 24, 4, true},
    {"waitid, after it", NULL, call_waitid, 28, 4, false},
    {"waitid, the end", NULL, call_waitid, 120, 8, false},
    {"getdents64, d_off", NULL, call_getdents, 8, 8, true},
    {"getdents64, the name's end", NULL, call_getdents, 20, 1, true},
    {"getdents64, after it", NULL, call_getdents, 21, 1, false},
    {"getdents64, the last byte", NULL, call_getdents, 23, 1, false},
};

static int watch(const void *at, unsigned len)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, at, len);
    attr.exclude_kernel = 0;
    int fd = bp_open_attr(&attr, 0, -1);
    REQUIRE(fd >= 0);
    return fd;
}

static void check_written(const char *what, int fd, bool written)
{
    bool was = bp_read(fd) > 0;
    if (was != written)
        utest_fail(__FILE__, __LINE__, "%s: %s", what, was ? "written" : "not written");
    close(fd);
}

UTEST_HWBP(copies_fields, "copies-fields")
{
    REQUIRE(pipe(ready) == 0 && write(ready[1], "", 1) == 1);
    for (const struct place *p = places; p < places + sizeof places / sizeof *places; p++) {
        memset(buf, 0, sizeof buf);
        if (p->put)
            p->put(buf);
        int fd = watch(buf + p->at, p->len);
        p->call(buf);
        check_written(p->what, fd, p->written);
    }
}

// ---- a signal's frame ----

static char alternate[65536] __attribute__((aligned(64)));
static char *stack_flags; // points into the last frame

static void on_signal(int, siginfo_t *, void *context)
{
    stack_flags = (char *)&((ucontext_t *)context)->uc_stack.ss_flags;
}

UTEST_HWBP(copies_frame, "copies-frame")
{
    const stack_t st = {.ss_sp = alternate, .ss_size = sizeof alternate};
    const struct sigaction a = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    CHECK_EQ(sigaltstack(&st, NULL), 0);
    CHECK_EQ(sigaction(SIGUSR1, &a, NULL), 0);
    raise(SIGUSR1);
    char *first = stack_flags;
    REQUIRE(first > alternate && first < alternate + sizeof alternate);
    for (int behind = 0; behind < 2; behind++) {
        int fd = watch(first + 4 * behind, 4);
        raise(SIGUSR1);
        CHECK(stack_flags == first);
        check_written(behind ? "behind uc_stack.ss_flags" : "uc_stack.ss_flags", fd, !behind);
    }
}

// ---- the word that is cleared when a thread ends ----

static int ends(void *)
{
    syscall(SYS_exit, 0);
    return 0;
}

static int execs(void *)
{
    exec_self("is-first", "", (char *[]){NULL});
}

static int word_of(int (*fn)(void *), int flags)
{
    static int word;
    char *stack = alternate + sizeof alternate;

    word = 77;
    pid_t pid = clone(fn, stack, flags | CLONE_VFORK | CLONE_CHILD_CLEARTID | SIGCHLD, NULL, NULL,
                      NULL, &word);
    int then = word;
    CHECK_EQ(wait_for(pid), 0);
    return then;
}

// The word is cleared only if another thread could see it.
UTEST(copies_tid, "copies-tid")
{
    int *word = shared_memory(4096);

    CHECK_EQ(word_of(ends, CLONE_VM), 0);
    CHECK_EQ(word_of(execs, CLONE_VM), 0);
    *word = 77;
    pid_t pid = fork();
    if (pid == 0) {
        syscall(SYS_set_tid_address, word);
        _exit(0);
    }
    CHECK_EQ(wait_for(pid), 0);
    CHECK_EQ(*word, 77);
}
