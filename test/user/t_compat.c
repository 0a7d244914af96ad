// What static programs expect of Linux, where no other test covers it: waiting for signals, queued
// signals, a handler that changes its context, timers, mapped files, /proc/self.
#include "test/user/utest.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile int calls, seen[8];

static void note(int, siginfo_t *info, void *)
{
    if (calls < 8)
        seen[calls] = info->si_value.sival_int;
    calls++;
}

static void handle(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
    struct sigaction a = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags};

    sigemptyset(&a.sa_mask);
    REQUIRE(sigaction(sig, &a, NULL) == 0);
    calls = 0;
}

static sigset_t set_of(int a, int b)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, a);
    sigaddset(&set, b);
    return set;
}

// ---- signals ----

UTEST(signal_queue, "signal-queue")
{
    sigset_t both = set_of(SIGRTMIN, SIGUSR1), pending;

    handle(SIGRTMIN, note, 0);
    sigprocmask(SIG_BLOCK, &both, NULL);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 10 + i}), 0);
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGRTMIN) && !sigismember(&pending, SIGUSR1));
    sigprocmask(SIG_UNBLOCK, &both, NULL);
    CHECK_EQ(calls, 5); // each one, and in this order
    for (int i = 0; i < 5; i++)
        CHECK_EQ(seen[i], 10 + i);
    handle(SIGUSR1, note, 0);
    sigprocmask(SIG_BLOCK, &both, NULL);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 20 + i}), 0);
    sigprocmask(SIG_UNBLOCK, &both, NULL);
    CHECK_EQ(calls, 1); // a standard signal comes once, with the value of the first
    CHECK_EQ(seen[0], 20);
    CHECK_ERRNO(sigqueue(getpid(), 65, (union sigval){0}), EINVAL);
}

UTEST(signal_wait, "signal-wait")
{
    sigset_t both = set_of(SIGRTMIN, SIGCHLD);
    struct timespec ts = {0, 20000000}, none = {0, 0}, bad = {0, -1};
    siginfo_t info;

    sigprocmask(SIG_BLOCK, &both, NULL);
    CHECK_ERRNO(sigtimedwait(&both, &info, &none), EAGAIN);
    CHECK_ERRNO(sigtimedwait(&both, &info, &ts), EAGAIN);
    CHECK_ERRNO(sigtimedwait(&both, &info, &bad), EINVAL);
    sigset_t order = set_of(SIGUSR1, SIGSEGV);
    sigprocmask(SIG_BLOCK, &order, NULL);
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGSEGV);
    CHECK_EQ(sigtimedwait(&order, NULL, &none), SIGSEGV); // faults come first, although 11 > 10
    CHECK_EQ(sigtimedwait(&order, NULL, &none), SIGUSR1);
    pid_t pid = fork();
    if (pid == 0) {
        sigqueue(getppid(), SIGRTMIN, (union sigval){.sival_int = 77});
        _exit(6);
    }
    int sig = sigwaitinfo(&both, &info);
    if (sig == SIGCHLD) // if both are pending, the lower number comes first
        sig = sigwaitinfo(&both, &info);
    CHECK_EQ(sig, SIGRTMIN);
    CHECK_EQ(info.si_code, SI_QUEUE);
    CHECK_EQ(info.si_pid, pid);
    CHECK_EQ(info.si_value.sival_int, 77);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    // A handler of another signal ends the wait.
    handle(SIGALRM, note, SA_RESTART);
    struct itimerval often = {{.tv_usec = 20000}, {.tv_usec = 20000}};
    while (sigtimedwait(&both, &info, &none) > 0) // the SIGCHLD, if it came last
        ;
    setitimer(ITIMER_REAL, &often, NULL); // the first signal may come before the wait
    CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, &both, &info, NULL, 8),
                EINTR); // musl's wrapper tries again
    CHECK(calls > 0);
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
}

// The handler changes where the interrupted code goes on, its registers and its mask.
static volatile int landed;
static void land(long first)
{
    landed = (int)first;
    _exit(landed == 42 ? 8 : 9);
}

static void redirect(int, siginfo_t *, void *context)
{
    ucontext_t *uc = context;

    uc->uc_mcontext.gregs[REG_RIP] = (greg_t)land;
    uc->uc_mcontext.gregs[REG_RDI] = 42;
    uc->uc_mcontext.gregs[REG_RSP] = (uc->uc_mcontext.gregs[REG_RSP] & ~15l) - 8;
}

static void skip_and_block(int sig, siginfo_t *, void *context)
{
    ucontext_t *uc = context;

    CHECK_EQ(sig, SIGILL);
    CHECK_EQ(uc->uc_mcontext.gregs[REG_RBX], 0x1234);
    uc->uc_mcontext.gregs[REG_RIP] += 2; // after UD2
    uc->uc_mcontext.gregs[REG_RBX] = 0x5678;
    sigaddset(&uc->uc_sigmask, SIGUSR2);
}

UTEST(signal_context, "signal-context")
{
    long rbx = 0x1234;
    sigset_t mask;
    int status;

    handle(SIGILL, skip_and_block, 0);
    __asm__ volatile("ud2" : "+b"(rbx));
    CHECK_EQ(rbx, 0x5678);
    sigprocmask(SIG_SETMASK, NULL, &mask);
    CHECK(sigismember(&mask, SIGUSR2) && !sigismember(&mask, SIGILL));
    pid_t pid = fork();
    if (pid == 0) {
        handle(SIGSEGV, redirect, 0);
        __asm__ volatile("movl $1, 16");
    }
    REQUIRE(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 8);
}

// ---- timers ----

UTEST(timers, "timers")
{
    struct itimerval often = {{0, 5000}, {0, 5000}}, left;
    struct timespec ts = {10, 0}, rest = {0, 0};

    handle(SIGALRM, note, 0);
    CHECK_EQ(alarm(100), 0);
    CHECK_EQ(alarm(0), 100);
    CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
    while (calls < 3)
        pause();
    CHECK_EQ(getitimer(ITIMER_REAL, &left), 0);
    CHECK_EQ(left.it_interval.tv_usec, 5000);
    CHECK(left.it_value.tv_usec <= 5000);
    CHECK_ERRNO(nanosleep(&ts, &rest), EINTR); // by the next alarm
    CHECK(rest.tv_sec == 9);
    CHECK_EQ(setitimer(ITIMER_REAL, &(struct itimerval){0}, &left), 0);
    often.it_value = (struct timeval){100, 0};
    CHECK_ERRNO(syscall(SYS_setitimer, ITIMER_REAL, &often, 16), EFAULT); // but the timer runs
    CHECK_EQ(alarm(0), 100);
    often.it_value.tv_sec = INT64_MAX;
    CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
    CHECK_EQ(getitimer(ITIMER_REAL, &left), 0);
    CHECK(left.it_value.tv_sec > 1000000000);
    alarm(0);
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_nsec += 10000000;
    ts.tv_sec += ts.tv_nsec / 1000000000;
    ts.tv_nsec %= 1000000000;
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL), 0);
    clock_gettime(CLOCK_MONOTONIC, &rest);
    CHECK(rest.tv_sec > ts.tv_sec || (rest.tv_sec == ts.tv_sec && rest.tv_nsec >= ts.tv_nsec));
}

static uint64_t cpu_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

// These timers count down while the process runs, not while it sleeps.
UTEST(timers_cpu, "timers-cpu")
{
    static const int signals[] = {[ITIMER_VIRTUAL] = SIGVTALRM, [ITIMER_PROF] = SIGPROF};
    struct itimerval often = {{0, 5000}, {0, 5000}}, left;

    for (int which = ITIMER_VIRTUAL; which <= ITIMER_PROF; which++) {
        uint64_t began = cpu_ns();
        calls = 0;
        handle(signals[which], note, 0);
        CHECK_EQ(setitimer(which, &often, NULL), 0);
        nanosleep(&(struct timespec){0, 50000000}, NULL);
        CHECK((uint64_t)calls * 5000000 <= cpu_ns() - began);
        CHECK_EQ(getitimer(which, &left), 0);
        CHECK_EQ(left.it_interval.tv_usec, 5000);
        CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_usec <= 10000); // Linux adds a tick
        while (calls < 3)
            ;
        CHECK(cpu_ns() - began >= 15000000);
        CHECK_EQ(setitimer(which, &(struct itimerval){0}, NULL), 0);
        CHECK_EQ(getitimer(which, &left), 0);
        CHECK_EQ(left.it_value.tv_sec + left.it_value.tv_usec, 0);
    }
    CHECK_ERRNO(setitimer(ITIMER_PROF + 1, &often, NULL), EINVAL);
}

// ---- groups ----

UTEST(group_kill, "group-kill")
{
    int status, ends[2];
    char c;
    pid_t first = 0;

    REQUIRE(pipe(ends) == 0);
    for (int i = 0; i < 2; i++) {
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            setpgid(0, first);
            CHECK_EQ(write(ends[1], "", 1), 1);
            for (;;)
                pause();
        }
        first = first ? first : pid;
        REQUIRE(read(ends[0], &c, 1) == 1);
    }
    CHECK_EQ(getpgid(first), first);
    CHECK_ERRNO(waitpid(-getpgrp(), &status, WNOHANG), ECHILD); // both are in another group
    CHECK_EQ(waitpid(-first, &status, WNOHANG), 0);
    CHECK_EQ(kill(-first, SIGTERM), 0);
    for (int i = 0; i < 2; i++) {
        CHECK(waitpid(-first, &status, 0) > 0);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    }
    CHECK_ERRNO(kill(-first, SIGTERM), ESRCH);
}

// ---- mapped files ----

UTEST(map_file, "map-file")
{
    struct stat st;
    char buf[64];
    int fd = open("/proc/self/exe", O_RDONLY);

    REQUIRE(fd >= 0 && fstat(fd, &st) == 0);
    CHECK_EQ(pread(fd, buf, sizeof buf, 4096), sizeof buf);
    char *map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    const char *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096);
    close(fd);
    REQUIRE(map != MAP_FAILED && shared != MAP_FAILED);
    CHECK(memcmp(map, "\177ELF", 4) == 0);
    CHECK(memcmp(map + 4096, buf, sizeof buf) == 0 && memcmp(shared, buf, sizeof buf) == 0);
    map[4096] ^= 1; // a private change is not seen in the shared mapping
    CHECK(memcmp(shared, buf, sizeof buf) == 0);
    CHECK_EQ(munmap(map, (size_t)st.st_size), 0);
}

UTEST(map_tmp, "map-tmp")
{
    char text[8192 + 10], again[4];
    int fd = open("/tmp/utest-map", O_RDWR | O_CREAT | O_TRUNC, 0600);

    REQUIRE(fd >= 0);
    memset(text, 'x', sizeof text);
    memcpy(text + 4096, "page", 4);
    CHECK_EQ(write(fd, text, sizeof text), sizeof text);
    char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096);
    REQUIRE(map != MAP_FAILED);
    CHECK(memcmp(map, "pagexxxx", 8) == 0);
    CHECK(map[4096 + 9] == 'x' && map[4096 + 10] == 0); // after the end: zeros
    map[0] = 'P';
    CHECK(pread(fd, again, 4, 4096) == 4 && memcmp(again, "page", 4) == 0);
    char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
    REQUIRE(shared != MAP_FAILED);
    shared[0] = 'W';
    CHECK(pread(fd, again, 4, 4096) == 4 && memcmp(again, "Wage", 4) == 0);
    CHECK_EQ(pwrite(fd, "R", 1, 4097), 1);
    CHECK_EQ(shared[1], 'R');
    close(fd);
    unlink("/tmp/utest-map");
    CHECK_EQ(shared[0], 'W'); // the mapping keeps the file
}

UTEST(map_zero, "map-zero")
{
    int fd = open("/dev/zero", O_RDWR);
    char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

    REQUIRE(map != MAP_FAILED);
    CHECK(map[0] == 0 && map[8191] == 0);
    map[8191] = 1;
    close(fd);
}

// ---- about the process itself ----

// The line of /proc/self/maps that holds the address.
static bool find_map(const void *p, char line[256])
{
    FILE *f = fopen("/proc/self/maps", "r");
    unsigned long start, end;
    bool found = false;

    REQUIRE(f);
    while (!found && fgets(line, 256, f))
        found = sscanf(line, "%lx-%lx", &start, &end) == 2 && (unsigned long)p >= start &&
                (unsigned long)p < end;
    fclose(f);
    return found;
}

UTEST(proc_self, "proc-self")
{
    char exe[256] = "", line[256];
    int on_stack;
    static int data;

    CHECK(readlink("/proc/self/exe", exe, sizeof exe - 1) > 0 && exe[0] == '/');
    REQUIRE(find_map((void *)find_map, line));
    CHECK(strstr(line, " r-xp ") && strstr(line, exe));
    REQUIRE(find_map(&data, line));
    CHECK(strstr(line, " rw-p "));
    REQUIRE(find_map(&on_stack, line));
    CHECK(strstr(line, " rw-p ") && strstr(line, "[stack]"));

    FILE *f = fopen("/proc/cpuinfo", "r");
    int cpus = 0;
    REQUIRE(f);
    while (fgets(line, sizeof line, f))
        cpus += strncmp(line, "processor\t: ", 12) == 0;
    fclose(f);
    CHECK_EQ(cpus, sysconf(_SC_NPROCESSORS_ONLN));
    CHECK_EQ(access("/proc/sys/kernel/perf_event_paranoid", R_OK), 0);
}

UTEST(own_name, "own-name")
{
    char name[16] = "", comm[32] = "";

    CHECK_EQ(prctl(PR_SET_NAME, "fifteen-letters-and-more"), 0);
    CHECK_EQ(prctl(PR_GET_NAME, name), 0);
    CHECK(strcmp(name, "fifteen-letters") == 0);
    read_text("/proc/self/comm", comm, sizeof comm);
    CHECK(strncmp(comm, "fifteen-letters", 15) == 0);
    CHECK_ERRNO(prctl(-1), EINVAL);
}

UTEST(usage, "usage")
{
    struct rusage before, after, of_child;
    volatile long sum = 0;
    pid_t pid;
    int status;

    CHECK_EQ(getrusage(RUSAGE_SELF, &before), 0);
    do {
        for (int i = 0; i < 100000; i++)
            sum += i;
        CHECK_EQ(getrusage(RUSAGE_SELF, &after), 0);
    } while (after.ru_utime.tv_sec == before.ru_utime.tv_sec &&
             after.ru_utime.tv_usec - before.ru_utime.tv_usec < 2000);
    pid = fork();
    if (pid == 0)
        _exit(0);
    CHECK_EQ(wait4(pid, &status, 0, &of_child), pid);
    CHECK(of_child.ru_minflt > 0);
    CHECK_ERRNO(getrusage(5, &after), EINVAL);
}

static void touch_pages(void *kib)
{
    size_t size = *(size_t *)kib * 1024;
    struct rusage usage;
    char *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(area, 1, size);
    CHECK_EQ(munmap(area + 4096, size - 4096), 0);
    CHECK_EQ(madvise(area, 4096, MADV_DONTNEED), 0);
    *area = 1; // touches one more page, now that few are in use
    CHECK_EQ(getrusage(RUSAGE_SELF, &usage), 0);
    CHECK(usage.ru_maxrss >= (long)*(size_t *)kib); // the maximum stays
}

// The largest amount of memory in use at one time, in KiB. For children, the value of the largest
// child.
UTEST(usage_memory, "usage-memory")
{
    size_t most = 6000, less = 4000;
    struct rusage before, after;

    CHECK_EQ(getrusage(RUSAGE_CHILDREN, &before), 0);
    for (int i = 0; i < 2; i++)
        CHECK(waitpid(spawn(touch_pages, i ? &less : &most), NULL, 0) > 0);
    CHECK_EQ(getrusage(RUSAGE_CHILDREN, &after), 0);
    CHECK(before.ru_maxrss < 4000);
    CHECK(after.ru_maxrss >= 6000 && after.ru_maxrss < 8000);
    CHECK(after.ru_minflt >= before.ru_minflt + 2500);
}

UTEST(unknown_calls, "unknown-calls")
{
    CHECK_ERRNO(syscall(SYS_uselib, "x"), ENOSYS);
    CHECK_ERRNO(syscall(SYS_uselib, "x"), ENOSYS); // the second call is not logged
    CHECK_ERRNO(syscall(100000), ENOSYS);
    if (access("/proc/hwbp", F_OK) == 0) {
        static char log[1 << 20];
        char want[64];
        read_text("/proc/kmsg", log, sizeof log);
        snprintf(want, sizeof want, "[%d]: there is no system call 134 (uselib)", getpid());
        char *line = strstr(log, want);
        CHECK(line && !strstr(line + 1, want));
    }
}
