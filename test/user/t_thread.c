// Threads as C libraries make them: sharing, thread-local data, futexes, robust mutexes, and how
// they end.
#include "test/user/utest.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 8
#define MS      1000000ull

static long futex(uint32_t *word, int op, uint32_t value, void *timeout, uint32_t *to,
                  uint32_t last)
{
    return syscall(SYS_futex, word, op, value, timeout, to, last);
}

static uint64_t clock_in_ns(int clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){(time_t)(ns / 1000000000ull), (long)(ns % 1000000000ull)};
}

// ---- what threads share and what they do not ----

static __thread int own = 7;
static pthread_mutex_t counter_lock = PTHREAD_MUTEX_INITIALIZER;
static long counter;
static pid_t pids[THREADS], tids[THREADS];

static void *count_up(void *arg)
{
    long number = (long)arg;

    CHECK_EQ(own, 7);
    own = (int)number;
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&counter_lock);
        counter++;
        pthread_mutex_unlock(&counter_lock);
    }
    pids[number] = getpid();
    tids[number] = (pid_t)syscall(SYS_gettid);
    CHECK_EQ(own, number);
    return (void *)(number * 3);
}

UTEST(thread_share, "thread-share")
{
    pthread_t t[THREADS];
    void *result;

    for (long i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&t[i], NULL, count_up, (void *)i) == 0);
    for (long i = 0; i < THREADS; i++) {
        REQUIRE(pthread_join(t[i], &result) == 0);
        CHECK_EQ((long)result, i * 3);
        CHECK_EQ(pids[i], getpid());
        for (long j = 0; j < i; j++)
            CHECK(tids[i] != tids[j]);
    }
    CHECK_EQ(counter, 1000 * THREADS);
    CHECK_EQ(own, 7);
}

static void *end_all(void *)
{
    _exit(9);
}

// exit_group by one thread ends all. The end of only the first thread does not.
UTEST(thread_end, "thread-end")
{
    pthread_t t;
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        pthread_create(&t, NULL, end_all, NULL);
        pause();
    }
    REQUIRE(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 9);
    pid = fork();
    if (pid == 0) {
        pthread_create(&t, NULL, end_all, NULL);
        syscall(SYS_exit, 3);
    }
    REQUIRE(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 9);
}

// ---- futexes ----

UTEST(futex_timeout, "futex-timeout")
{
    uint32_t word = 5, *odd = (uint32_t *)((char *)&word + 1);
    uint64_t start = clock_in_ns(CLOCK_MONOTONIC);
    struct timespec ts = timespec_of(20 * MS), bad = {0, 1000000000};

    CHECK_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 4, &ts, NULL, 0), EAGAIN);
    CHECK_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 5, &ts, NULL, 0), ETIMEDOUT);
    CHECK(clock_in_ns(CLOCK_MONOTONIC) - start >= 20 * MS);
    ts = timespec_of(start + 60 * MS); // the time of FUTEX_WAIT_BITSET is absolute
    CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET, 5, &ts, NULL, ~0u), ETIMEDOUT);
    CHECK(clock_in_ns(CLOCK_MONOTONIC) - start >= 60 * MS);
    start = clock_in_ns(CLOCK_REALTIME);
    ts = timespec_of(start + 20 * MS);
    CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 5, &ts, NULL, ~0u),
                ETIMEDOUT);
    CHECK(clock_in_ns(CLOCK_REALTIME) - start >= 20 * MS);
    CHECK_ERRNO(futex(&word, FUTEX_WAIT, 5, &bad, NULL, 0), EINVAL);
    CHECK_ERRNO(futex(odd, FUTEX_WAIT, 5, &ts, NULL, 0), EINVAL);
    CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET, 5, &ts, NULL, 0), EINVAL);
    CHECK_ERRNO(futex((uint32_t *)16, FUTEX_WAIT, 5, NULL, NULL, 0), EFAULT);
    CHECK_EQ(futex(&word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0), 0);
}

static uint32_t here, there;

static void *wait_here(void *)
{
    return (void *)futex(&here, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

// Wakes or moves until `want` waiters have been reached. Some may not wait yet.
static void touch(uint32_t wakes, uint32_t moves, long want)
{
    for (long done = 0; done < want;) {
        long n = futex(&here, FUTEX_CMP_REQUEUE_PRIVATE, wakes, (void *)(long)moves, &there, 0);
        REQUIRE(n >= 0 && n <= want - done);
        done += n;
        wakes -= (uint32_t)n < wakes ? (uint32_t)n : wakes;
        moves = (uint32_t)(want - done) - wakes;
        if (done < want)
            sched_yield();
    }
}

UTEST(futex_errors, "futex-errors")
{
    uint32_t a = 1, b = 1, *none = bad_pointer();

    CHECK_ERRNO(syscall(SYS_futex, none, FUTEX_WAKE, 1), EFAULT);
    CHECK_EQ(syscall(SYS_futex, none, FUTEX_WAKE_PRIVATE, 1), 0);
    CHECK_ERRNO(syscall(SYS_futex, (char *)&a + 1, FUTEX_WAKE_PRIVATE, 1), EINVAL);
    CHECK_ERRNO(syscall(SYS_futex, -8l, FUTEX_WAKE_PRIVATE, 1), EFAULT);
    CHECK_ERRNO(syscall(SYS_futex, &a, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, NULL), ENOSYS);
    CHECK_ERRNO(syscall(SYS_futex, &a, FUTEX_REQUEUE, -1, 1l, &b), EINVAL);
    CHECK_ERRNO(syscall(SYS_futex, &a, FUTEX_REQUEUE, 1, -1l, &b), EINVAL);
    CHECK_ERRNO(syscall(SYS_futex, &a, FUTEX_REQUEUE, 1, 1l, none), EFAULT);
    CHECK_EQ(syscall(SYS_futex, &a, FUTEX_REQUEUE, 1, 1l, &a), 0);
    CHECK_ERRNO(syscall(SYS_futex, &a, FUTEX_CMP_REQUEUE, 1, 1l, &b, 2), EAGAIN);
}

UTEST(futex_requeue, "futex-requeue")
{
    pthread_t t[4];
    void *result;

    for (int i = 0; i < 4; i++)
        REQUIRE(pthread_create(&t[i], NULL, wait_here, NULL) == 0);
    CHECK_ERRNO(futex(&here, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, &there, 1), EAGAIN);
    touch(0, 4, 4); // all four move, none wakes
    CHECK_EQ(futex(&here, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0), 0);
    CHECK_EQ(futex(&there, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 1);
    CHECK_EQ(futex(&there, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0), 3);
    for (int i = 0; i < 4; i++) {
        REQUIRE(pthread_join(t[i], &result) == 0);
        CHECK_EQ((long)result, 0);
    }
}

// More waiters than the kernel wakes in one batch (linux/proc/futex.c).
UTEST(futex_many, "futex-many")
{
    enum { MANY = 100, MOVED = 90, WOKEN = 70 };
    pthread_t t[MANY];
    void *result;

    for (int i = 0; i < MANY; i++)
        REQUIRE(pthread_create(&t[i], NULL, wait_here, NULL) == 0);
    touch(0, MOVED, MOVED);
    CHECK_EQ(futex(&there, FUTEX_WAKE_PRIVATE, WOKEN, NULL, NULL, 0), WOKEN);
    CHECK_EQ(futex(&there, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0), MOVED - WOKEN);
    touch(MANY - MOVED, 0, MANY - MOVED);
    for (int i = 0; i < MANY; i++) {
        REQUIRE(pthread_join(t[i], &result) == 0);
        CHECK_EQ((long)result, 0);
    }
}

// Two processes use one futex in shared memory.
UTEST(futex_shared, "futex-shared")
{
    uint32_t *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;

    REQUIRE(word != MAP_FAILED);
    pid_t pid = fork();
    if (pid == 0)
        _exit(futex(word, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 ? 4 : 5);
    while (futex(word, FUTEX_WAKE, 1, NULL, NULL, 0) == 0)
        sched_yield();
    REQUIRE(waitpid(pid, &status, 0) == pid);
    CHECK_EQ(WEXITSTATUS(status), 4);
    munmap(word, 4096);
}

UTEST(cond_timeout, "cond-timeout")
{
    pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    uint64_t until = clock_in_ns(CLOCK_REALTIME) + 20 * MS;
    struct timespec ts = timespec_of(until);

    pthread_mutex_lock(&counter_lock);
    CHECK_EQ(pthread_cond_timedwait(&never, &counter_lock, &ts), ETIMEDOUT);
    pthread_mutex_unlock(&counter_lock);
    CHECK(clock_in_ns(CLOCK_REALTIME) >= until);
}

// ---- an owner that ends ----

static pthread_mutex_t robust;
static volatile int taken, wanted;

static void *take_and_end(void *)
{
    pthread_mutex_lock(&robust);
    taken = 1;
    while (!wanted)
        sched_yield();
    return NULL;
}

UTEST(robust_mutex, "robust-mutex")
{
    pthread_mutexattr_t attr;
    pthread_t t;

    pthread_mutexattr_init(&attr);
    REQUIRE(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0);
    REQUIRE(pthread_mutex_init(&robust, &attr) == 0);
    REQUIRE(pthread_create(&t, NULL, take_and_end, NULL) == 0);
    while (!taken)
        sched_yield();
    wanted = 1;
    CHECK_EQ(pthread_mutex_lock(&robust), EOWNERDEAD); // waits for the owner's end
    CHECK_EQ(pthread_mutex_consistent(&robust), 0);
    CHECK_EQ(pthread_mutex_unlock(&robust), 0);
    pthread_join(t, NULL);
    CHECK_EQ(pthread_mutex_lock(&robust), 0);
    CHECK_EQ(pthread_mutex_unlock(&robust), 0);
}

// ---- any thread's id names its process ----

static long queue_signal(pid_t tid, int sig, int code)
{
    siginfo_t info = {.si_code = code};

    return syscall(SYS_rt_sigqueueinfo, tid, sig, &info);
}

static long queue_to_thread(pid_t pid, pid_t tid, int sig, int code)
{
    siginfo_t info = {.si_code = code};

    return syscall(SYS_rt_tgsigqueueinfo, pid, tid, sig, &info);
}

static int take(int sig, siginfo_t *info)
{
    const struct timespec at_once = {0};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, sig);
    return sigtimedwait(&set, info, &at_once);
}

static void *second_thread(void *)
{
    pid_t pid = getpid(), tid = (pid_t)syscall(SYS_gettid);
    siginfo_t info;

    CHECK_EQ(kill(tid, 0), 0);
    CHECK_EQ(kill(tid, SIGUSR1), 0);
    CHECK_EQ(queue_signal(tid, SIGUSR2, SI_USER), 0); // the process is the sender itself
    CHECK_ERRNO(queue_signal(pid, SIGUSR2, SI_USER), EPERM);
    CHECK_EQ(queue_signal(pid, SIGHUP, SI_QUEUE), 0);
    CHECK_EQ(queue_to_thread(pid, tid, SIGALRM, SI_USER), 0);
    CHECK_EQ(take(SIGALRM, &info), SIGALRM);
    CHECK_ERRNO(queue_to_thread(pid, pid, SIGUSR2, SI_USER), EPERM);
    CHECK_ERRNO(queue_to_thread(tid, tid, SIGUSR2, SI_QUEUE), ESRCH);
    CHECK_ERRNO(queue_to_thread(0, tid, SIGUSR2, SI_USER), EINVAL);
    CHECK_ERRNO(kill(tid, 99), EINVAL);
    CHECK_ERRNO(kill(-tid, 0), ESRCH); // a thread's id is not a group's
    CHECK_EQ(getpgid(tid), getpgid(0));
    CHECK_EQ(getsid(tid), getsid(0));
    CHECK_ERRNO(setpgid(tid, 0), EINVAL);
    return NULL;
}

UTEST(signal_by_tid, "signal-by-tid")
{
    pthread_t thread;
    siginfo_t info;
    sigset_t set;

    sigfillset(&set);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
    REQUIRE(pthread_create(&thread, NULL, second_thread, NULL) == 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(take(SIGUSR1, &info), SIGUSR1); // a signal to a thread's id goes to the process
    CHECK_EQ(info.si_pid, getpid());
    CHECK_EQ(take(SIGUSR2, &info), SIGUSR2);
    CHECK_EQ(info.si_code, SI_USER);
    CHECK_EQ(take(SIGHUP, &info), SIGHUP);
    CHECK_EQ(info.si_code, SI_QUEUE);
}

// A signal to a zombie succeeds, but does nothing.
UTEST(signal_to_zombie, "signal-to-zombie")
{
    pid_t pid = fork();
    siginfo_t info;

    REQUIRE(pid >= 0);
    if (pid == 0)
        _exit(0);
    CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    CHECK_EQ(kill(pid, SIGUSR1), 0);
    CHECK_EQ(syscall(SYS_tkill, pid, SIGUSR1), 0);
    CHECK_EQ(syscall(SYS_tgkill, pid, pid, SIGUSR1), 0);
    CHECK_EQ(queue_signal(pid, SIGUSR1, SI_QUEUE), 0);
    CHECK_ERRNO(syscall(SYS_tkill, pid, 99), EINVAL);
    CHECK_ERRNO(syscall(SYS_tgkill, getpid(), pid, SIGUSR1), ESRCH);
    CHECK_EQ(wait_for(pid), 0);
}
