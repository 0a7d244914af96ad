// Overflows become signals: SIGIO with O_ASYNC, SIGTRAP with sigtrap. Counts are exact.
#include "test/user/perf_ring.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#ifndef TRAP_PERF
#define TRAP_PERF 6
#endif

static volatile uint64_t v;
static volatile sig_atomic_t signals, hangups, last_fd, last_code;
static volatile long last_band;

static void on_signal(int, siginfo_t *info, void *)
{
    signals++;
    hangups += info->si_code == POLL_HUP;
    last_fd = info->si_fd;
    last_code = info->si_code;
    last_band = info->si_band;
}

static void handle(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
    struct sigaction sa = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags};

    REQUIRE(sigaction(sig, &sa, NULL) == 0);
}

// Sends `sig` (0: plain SIGIO) to the caller at each overflow.
static void make_async(int fd, int sig)
{
    REQUIRE(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_RDWR | O_NONBLOCK | O_ASYNC) == 0);
    REQUIRE(fcntl(fd, F_SETSIG, sig) == 0);
    REQUIRE(fcntl(fd, F_SETOWN, getpid()) == 0);
}

static __attribute__((noinline)) void watched_function(void)
{
    __asm__ volatile("" ::: "memory");
}

UTEST_HWBP(overflow_100, "overflow-100")
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_X, (void *)watched_function, 8);
    int fd;

    attr.sample_period = 100;
    attr.sample_type = PERF_SAMPLE_IP;
    attr.wakeup_events = 1;
    handle(SIGIO, on_signal, 0);
    fd = MUST_OPEN(&attr, 0, -1);
    make_async(fd, SIGIO);
    for (int i = 1; i <= 10000; i++) {
        watched_function();
        if (signals != i / 100)
            break;
    }
    CHECK_EQ(signals, 100);
    CHECK_EQ(last_fd, fd);
    CHECK_EQ(last_code, POLL_IN);
    CHECK_EQ(last_band, POLLIN | POLLRDNORM);
    CHECK_EQ(bp_end(fd), 10000);
}

static volatile sig_atomic_t others;

// If RF is lost, an instruction is hit for ever. This must fail the test, not hang it.
static void one_more(volatile sig_atomic_t *n)
{
    if (++*n > 1000) {
        CHECK_EQ(*n, 0);
        _exit(1);
    }
}

static void on_io(int, siginfo_t *, void *)
{
    one_more(&signals);
}

static void on_usr1(int, siginfo_t *, void *)
{
    one_more(&others);
}

static int open_signal_event(uint32_t type, const volatile void *addr, int sig)
{
    struct perf_event_attr attr = bp_attr(type, addr, 8);

    attr.disabled = 1;
    attr.sample_period = 1;
    attr.sample_type = PERF_SAMPLE_IP;
    attr.wakeup_events = 1;
    int fd = MUST_OPEN(&attr, 0, -1);
    make_async(fd, sig);
    return fd;
}

// A record that is not a sample sends a signal, too, if it fills the buffer up to the watermark.
UTEST(signal_watermark, "perf-signal-watermark")
{
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
                                   .size = sizeof attr,
                                   .config = PERF_COUNT_SW_DUMMY,
                                   .comm = 1,
                                   .watermark = 1,
                                   .wakeup_watermark = 1};
    int fd = MUST_OPEN(&attr, 0, -1);

    handle(SIGIO, on_signal, 0);
    make_async(fd, SIGIO);
    struct ring r = ring_map(fd, 1);
    for (int i = 1; i <= 5; i++) {
        prctl(PR_SET_NAME, "name");
        CHECK_EQ(signals, i);
    }
    ring_unmap(&r);
    close(fd);
}

UTEST_HWBP(refresh_hup, "perf-refresh")
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &v, 8);
    int fd;

    attr.disabled = 1;
    attr.sample_period = 1;
    handle(SIGRTMIN + 1, on_signal, 0);
    fd = MUST_OPEN(&attr, 0, -1);
    make_async(fd, SIGRTMIN + 1);
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_REFRESH, 5), 0);
    for (int i = 0; i < 20; i++)
        store8(&v, 1);
    CHECK_EQ(signals, 5);
    CHECK_EQ(hangups, 1);
    CHECK_EQ(bp_read(fd), 5);
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_REFRESH, 1), 0);
    for (int i = 0; i < 20; i++)
        store8(&v, 1);
    CHECK_EQ(hangups, 2);
    CHECK_EQ(bp_end(fd), 6);

    attr.sample_period = 0;
    fd = bp_open_attr(&attr, 0, -1);
    CHECK_ERRNO(ioctl(fd, PERF_EVENT_IOC_REFRESH, 5), EINVAL);
    close(fd);
}

// The signal goes to the thread that F_SETOWN_EX names.
static volatile pid_t taker;

static void on_thread_signal(int, siginfo_t *, void *)
{
    signals++;
    taker = (pid_t)syscall(SYS_gettid);
}

static void *wait_for_signal(void *arg)
{
    *(volatile pid_t *)arg = (pid_t)syscall(SYS_gettid);
    while (!signals)
        sched_yield();
    return NULL;
}

UTEST_HWBP(owner_ex, "perf-owner-thread")
{
    int fd = open_signal_event(HW_BREAKPOINT_W, &v, SIGIO);
    volatile pid_t tid = 0;
    pthread_t thread;
    struct f_owner_ex owner = {.type = F_OWNER_TID}, got;

    handle(SIGIO, on_thread_signal, 0);
    REQUIRE(pthread_create(&thread, NULL, wait_for_signal, (void *)&tid) == 0);
    while (!tid)
        sched_yield();
    owner.pid = tid;
    CHECK_EQ(fcntl(fd, F_SETOWN_EX, &owner), 0);
    CHECK_EQ(fcntl(fd, F_GETOWN_EX, &got), 0);
    CHECK_EQ(got.type, F_OWNER_TID);
    CHECK_EQ(got.pid, tid);
    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
    store8(&v, 1);
    pthread_join(thread, NULL);
    CHECK_EQ(signals, 1);
    CHECK_EQ(taker, tid);
    close(fd);
}

// ---- SIGTRAP ----

#define THREADS 5

static volatile int iterate_on; // the watched variable
static volatile uint64_t traps, wrong;
static siginfo_t first;
static pthread_barrier_t barrier;
static long rounds;

static void on_trap(int, siginfo_t *info, void *)
{
    if (__atomic_fetch_add(&traps, 1, __ATOMIC_SEQ_CST) == 0)
        first = *info;
    if (info->si_code != TRAP_PERF || info->si_addr != (void *)&iterate_on)
        __atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST);
}

static struct perf_event_attr trap_attr(uint64_t data)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_RW, &iterate_on, 4);

    attr.pinned = 0;
    attr.sample_period = 1;
    attr.disabled = 1;
    attr.inherit = 1;
    attr.inherit_thread = 1;
    attr.remove_on_exec = 1;
    attr.sigtrap = 1;
    attr.sig_data = data;
    return attr;
}

static void *storm(void *arg)
{
    uint64_t *mine = arg;
    (void)mine;
    pthread_barrier_wait(&barrier);
    for (long i = 0; i < rounds; i++) {
        __asm__ volatile("addl $1, %0" : "+m"(*(int *)&iterate_on)::"cc");
        if (i % 64 == 0)
            sched_yield();
    }
    return NULL;
}

static void run_storm(long n)
{
    pthread_t thread[THREADS];

    rounds = n;
    traps = wrong = 0;
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&thread[i], NULL, storm, NULL) == 0);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
}

// si_perf_data, type and flags by their offsets, because some C libraries lack the names.
static uint64_t perf_data(const siginfo_t *info)
{
    uint64_t data;

    memcpy(&data, (const char *)info + 24, sizeof data);
    return data;
}

static uint32_t perf_word(const siginfo_t *info, size_t offset)
{
    uint32_t word;

    memcpy(&word, (const char *)info + offset, sizeof word);
    return word;
}

UTEST_HWBP(sigtrap_storm, "sigtrap-storm")
{
    struct perf_event_attr attr = trap_attr(0x1234);
    int fd;

    handle(SIGTRAP, on_trap, SA_NODEFER);
    fd = MUST_OPEN(&attr, 0, -1);
    run_storm(scaled(3000));
    CHECK_EQ(traps, 0); // disabled
    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
    run_storm(scaled(3000));
    ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
    CHECK_EQ(traps, THREADS * scaled(3000));
    CHECK_EQ(wrong, 0);
    CHECK_EQ(perf_data(&first), 0x1234);
    CHECK_EQ(perf_word(&first, 32), PERF_TYPE_BREAKPOINT);
    CHECK_EQ(perf_word(&first, 36), 0);
    attr.sig_data = 0x77;
    attr.disabled = 0;
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr), 0);
    run_storm(1);
    CHECK_EQ(traps, THREADS);
    CHECK_EQ(perf_data(&first), 0x77);
    close(fd);
}

// If SIGTRAP is blocked, it comes later, has a flag for this, and does not kill.
UTEST_HWBP(sigtrap_blocked, "sigtrap-blocked")
{
    struct perf_event_attr attr = trap_attr(1);
    sigset_t set;
    int fd;

    handle(SIGTRAP, on_trap, 0);
    attr.disabled = 0;
    fd = MUST_OPEN(&attr, 0, -1);
    sigemptyset(&set);
    sigaddset(&set, SIGTRAP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    store4(&iterate_on, 1);
    store4(&iterate_on, 2);
    CHECK_EQ(traps, 0);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    CHECK_EQ(traps, 1); // a standard signal is pending only once
    CHECK_EQ(perf_word(&first, 36), 1);
    CHECK_EQ(bp_end(fd), 2);

    CHECK_ERRNO(bp_open_attr(&attr, -1, 0), EINVAL); // which task should get the signal?
}

// The kernel writes to the watched memory for the program. The signal comes when the call returns.
UTEST_HWBP(kernel_hit, "perf-kernel-hit")
{
    struct perf_event_attr attr = trap_attr(5), plain = bp_attr(HW_BREAKPOINT_W, &v, 8);
    int ends[2], fd;

    handle(SIGTRAP, on_trap, 0);
    attr.disabled = attr.exclude_kernel = 0;
    fd = MUST_OPEN(&attr, 0, -1);
    REQUIRE(pipe(ends) == 0);
    REQUIRE(write(ends[1], "1234", 4) == 4);
    REQUIRE(read(ends[0], (void *)&iterate_on, 4) == 4);
    CHECK_EQ(traps, 1);
    CHECK_EQ(perf_data(&first), 5);
    CHECK_EQ(bp_end(fd), 1);

    plain.exclude_kernel = 0;
    plain.sample_period = 1;
    handle(SIGIO, on_signal, 0);
    fd = MUST_OPEN(&plain, 0, -1);
    make_async(fd, SIGIO);
    REQUIRE(write(ends[1], "12345678", 8) == 8);
    REQUIRE(read(ends[0], (void *)&v, 8) == 8);
    for (int i = 0; i < 1000 && !signals; i++)
        sleep_ms(1);
    CHECK_EQ(signals, 1);
    close(fd);
}

// ---- breakpoints inside handlers: RF is the interrupted instruction's own ----

static volatile uint64_t the_var;
extern char utest_watched_insn[];

__asm__(".pushsection .text\n"
        ".globl utest_watched_insn\n"
        "utest_watched_insn: incq (%rdi)\n"
        "    ret\n"
        ".popsection\n");

// An instruction has both kinds of breakpoint, and the handler has one, too. Each SIGIO causes a
// SIGUSR1. The return to the instruction does not hit it again.
UTEST_SEVERAL(bp_signal, "bp-signal")
{
    int insn = open_signal_event(HW_BREAKPOINT_X, utest_watched_insn, SIGIO);
    int handler = open_signal_event(HW_BREAKPOINT_X, (void *)on_io, SIGUSR1);
    int var = open_signal_event(HW_BREAKPOINT_W, &the_var, SIGIO);

    handle(SIGIO, on_io, 0);
    handle(SIGUSR1, on_usr1, 0);
    for (int fd = insn; fd <= var; fd++)
        ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
    ((void (*)(volatile uint64_t *))utest_watched_insn)(&the_var);
    store8(&the_var, 9);
    for (int fd = insn; fd <= var; fd++)
        ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
    CHECK_EQ(bp_end(insn), 1);
    CHECK_EQ(bp_end(handler), 3);
    CHECK_EQ(bp_end(var), 2);
    CHECK_EQ(signals, 3);
    CHECK_EQ(others, 3);
}
