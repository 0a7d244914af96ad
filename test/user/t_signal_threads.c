// Signals to a process of several threads. If a thread was woken for a signal but does not take it,
// another thread must take it.
#include "test/user/trace.h"
#include <pthread.h>
#include <sys/syscall.h>

#define ENOUGH_MS 5000 // a signal that takes longer is lost

static sigset_t both;
static pid_t tid[2];

static bool sleeps(pid_t t)
{
    char path[40], text[256];

    snprintf(path, sizeof path, "/proc/%d/stat", (int)t);
    if (t == 0 || read_text(path, text, sizeof text) < 0)
        return false;
    const char *end = strrchr(text, ')');
    return end && end[2] == 'S';
}

// Two threads that sleep in run(number), on the caller's CPU. The caller blocks both signals.
static void start_two(void *(*run)(void *))
{
    pthread_t t;

    pin_to_cpu(0);
    sigemptyset(&both);
    sigaddset(&both, SIGUSR1);
    sigaddset(&both, SIGUSR2);
    sigprocmask(SIG_BLOCK, &both, NULL);
    for (long i = 0; i < 2; i++)
        REQUIRE(pthread_create(&t, NULL, run, (void *)i) == 0);
    for (long i = 0; i < 2; i++)
        while (!sleeps(__atomic_load_n(&tid[i], __ATOMIC_ACQUIRE)))
            sleep_ms(1);
}

static void send_both(void)
{
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK_EQ(kill(getpid(), SIGUSR2), 0);
}

static void wait_until(const int *word, int value)
{
    for (int ms = 0; ms < ENOUGH_MS && __atomic_load_n(word, __ATOMIC_ACQUIRE) != value; ms++)
        sleep_ms(1);
    CHECK_EQ(__atomic_load_n(word, __ATOMIC_ACQUIRE), value);
}

static void say_tid(long number)
{
    __atomic_store_n(&tid[number], (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
}

static int taken;

static void *take_one(void *number)
{
    say_tid((long)number);
    while (sigwaitinfo(&both, NULL) < 0) // on Linux this may also wake the other thread
        CHECK_EQ(errno, EINTR);
    __atomic_add_fetch(&taken, 1, __ATOMIC_ACQ_REL);
    return NULL;
}

// Each thread takes one signal, although the first may have been woken for both.
UTEST(signal_wait_two, "signal-threads.wait")
{
    start_two(take_one);
    send_both();
    wait_until(&taken, 2);
}

// Returns when both are in their handlers.
static void meet(int)
{
    __atomic_add_fetch(&taken, 1, __ATOMIC_ACQ_REL);
    wait_until(&taken, 2);
}

static void *handle_one(void *number)
{
    sigset_t none;

    sigemptyset(&none);
    say_tid((long)number);
    sigsuspend(&none);
    return NULL;
}

// The handler of the first signal blocks the second.
UTEST(signal_handle_two, "signal-threads.handler")
{
    struct sigaction act = {.sa_handler = meet};

    sigfillset(&act.sa_mask);
    sigaction(SIGUSR1, &act, NULL);
    sigaction(SIGUSR2, &act, NULL);
    start_two(handle_one);
    send_both();
    wait_until(&taken, 2);
}

// ---- a thread that ends ----

struct ends {
    volatile pid_t tid;
    int ready, go;
};

static void *end_when_told(void *shared)
{
    struct ends *e = shared;
    sigset_t none;

    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    e->tid = (pid_t)syscall(SYS_gettid);
    while (!__atomic_load_n(&e->go, __ATOMIC_ACQUIRE))
        sleep_ms(1);
    syscall(SYS_exit, 0); // the C library's exit would block the signal first
    return NULL;
}

static void note(int)
{
    __atomic_add_fetch(&taken, 1, __ATOMIC_ACQ_REL);
}

static void wait_beside(void *shared)
{
    struct ends *e = shared;
    pthread_t first, second;

    signal(SIGUSR1, note);
    sigemptyset(&both);
    sigaddset(&both, SIGUSR1);
    sigprocmask(SIG_BLOCK, &both, NULL);
    REQUIRE(pthread_create(&first, NULL, end_when_told, shared) == 0);
    REQUIRE(pthread_create(&second, NULL, handle_one, NULL) == 0);
    while (!e->tid || !sleeps(__atomic_load_n(&tid[0], __ATOMIC_ACQUIRE)))
        sleep_ms(1);
    __atomic_store_n(&e->ready, 1, __ATOMIC_RELEASE);
    wait_until(&taken, 1); // pthread_join() would wait for ever: musl does not see SYS_exit
}

// The signal comes when the first thread that does not block it is about to end.
UTEST(signal_exit, "signal-threads.exit")
{
    struct ends *e = shared_memory(sizeof *e);
    pid_t child = spawn(wait_beside, e);

    while (!__atomic_load_n(&e->ready, __ATOMIC_ACQUIRE))
        sleep_ms(1);
    REQUIRE(ptrace(PTRACE_SEIZE, e->tid, NULL, PTRACE_O_TRACEEXIT) == 0);
    __atomic_store_n(&e->go, 1, __ATOMIC_RELEASE);
    CHECK_EQ(next_status(e->tid), AT_EVENT(PTRACE_EVENT_EXIT));
    CHECK_EQ(kill(child, SIGUSR1), 0);
    CHECK_EQ(go(PTRACE_CONT, e->tid, 0), ENDED(0));
    join(child);
}
