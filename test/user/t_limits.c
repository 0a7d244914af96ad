// Limits of a process (getrlimit(2)) and of the system (proc_sys(5)): what they refuse, the errno,
// and which process may change them.
#include "test/user/utest.h"
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>

#define NOBODY 65534
#define PAGE   4096ul

static void set_limit(int which, rlim_t soft, rlim_t hard)
{
    struct rlimit limit = {soft, hard};

    CHECK_EQ(setrlimit(which, &limit), 0);
}

static struct rlimit limit_of(int which)
{
    struct rlimit limit = {0, 0};

    CHECK_EQ(getrlimit(which, &limit), 0);
    return limit;
}

// On Linux root may raise limits, and is exempt from some. On dr7 no process is.
static void be_common(void)
{
    if (!on_dr7() && geteuid() == 0)
        REQUIRE(setuid(NOBODY) == 0);
}

UTEST(limits_change, "limits.change")
{
    struct rlimit limit, old;

    be_common();
    set_limit(RLIMIT_NOFILE, 200, 220);
    set_limit(RLIMIT_NOFILE, 220, 220); // the soft limit may go up to the hard one
    set_limit(RLIMIT_NOFILE, 100, 210);
    CHECK_ERRNO(setrlimit(RLIMIT_NOFILE, &(struct rlimit){100, 211}), EPERM);
    CHECK_ERRNO(setrlimit(RLIMIT_NOFILE, &(struct rlimit){211, 210}), EINVAL);
    CHECK_ERRNO(setrlimit(RLIM_NLIMITS, &(struct rlimit){0, 0}), EINVAL);
    CHECK_ERRNO(getrlimit(RLIM_NLIMITS, &limit), EINVAL);
    CHECK_EQ(prlimit(getpid(), RLIMIT_NOFILE, &(struct rlimit){90, 100}, &old), 0);
    CHECK(old.rlim_cur == 100 && old.rlim_max == 210);
    limit = limit_of(RLIMIT_NOFILE);
    CHECK(limit.rlim_cur == 90 && limit.rlim_max == 100);
    CHECK_ERRNO(prlimit(INT32_MAX, RLIMIT_NOFILE, NULL, &old), ESRCH);
    set_limit(RLIMIT_CORE, 0, 0);
    CHECK_ERRNO(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 1}), EPERM);
}

static void check_inherited(void *)
{
    struct rlimit limit = limit_of(RLIMIT_NOFILE);

    CHECK(limit.rlim_cur == 17 && limit.rlim_max == 18);
    set_limit(RLIMIT_NOFILE, 1, 1);
}

UTEST(limits_inherit, "limits.inherit")
{
    set_limit(RLIMIT_NOFILE, 17, 18);
    join(spawn(check_inherited, NULL));
    CHECK_EQ(limit_of(RLIMIT_NOFILE).rlim_cur, 17); // each process has its own limits
}

// Both values and the unit in the line of this name. -1 means "unlimited".
static void read_limit(const char *name, long value[2], char unit[16])
{
    static char text[4096];

    REQUIRE(read_text("/proc/self/limits", text, sizeof text) > 0);
    CHECK(strncmp(text, "Limit                     Soft Limit           Hard Limit           Units",
                  73) == 0);
    for (const char *line = text; line; line = next_line(line)) {
        char word[2][24];
        if (strncmp(line, name, strlen(name)) != 0)
            continue;
        REQUIRE(sscanf(line + 26, "%20s %20s %15s", word[0], word[1], unit) == 3);
        for (int i = 0; i < 2; i++)
            value[i] = strcmp(word[i], "unlimited") == 0 ? -1 : strtol(word[i], NULL, 10);
        return;
    }
    CHECK(!"the name is there");
}

UTEST(limits_file, "limits.file")
{
    static const struct {
        int which;
        const char *name, *unit;
    } lines[] = {
        {RLIMIT_CPU, "Max cpu time ", "seconds"},
        {RLIMIT_STACK, "Max stack size ", "bytes"},
        {RLIMIT_CORE, "Max core file size ", "bytes"},
        {RLIMIT_NPROC, "Max processes ", "processes"},
        {RLIMIT_NOFILE, "Max open files ", "files"},
        {RLIMIT_SIGPENDING, "Max pending signals ", "signals"},
        {RLIMIT_RTTIME, "Max realtime timeout ", "us"},
    };
    char unit[16] = "";
    long value[2] = {-2, -2};

    set_limit(RLIMIT_SIGPENDING, 12, 34);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct rlimit limit = limit_of(lines[i].which);
        read_limit(lines[i].name, value, unit);
        CHECK_EQ(value[0], (long)limit.rlim_cur); // RLIM_INFINITY is -1
        CHECK_EQ(value[1], (long)limit.rlim_max);
        CHECK(strcmp(unit, lines[i].unit) == 0);
    }
    CHECK_EQ(limit_of(RLIMIT_SIGPENDING).rlim_cur, 12);
}

UTEST(limits_descriptors, "limits.descriptors")
{
    struct pollfd none[12];
    int high = fcntl(0, F_DUPFD, 40);

    CHECK_EQ(high, 40);
    set_limit(RLIMIT_NOFILE, 10, limit_of(RLIMIT_NOFILE).rlim_max);
    while (dup(0) >= 0)
        ;
    CHECK_EQ(errno, EMFILE);
    CHECK_ERRNO(open("/", O_RDONLY), EMFILE);
    CHECK_ERRNO(fcntl(0, F_DUPFD, 10), EINVAL);
    CHECK_ERRNO(fcntl(0, F_DUPFD, 9), EMFILE);
    CHECK_ERRNO(dup2(0, 10), EBADF);
    CHECK_EQ(dup2(0, 9), 9);
    for (int i = 0; i < 12; i++)
        none[i].fd = -1;
    CHECK_EQ(poll(none, 10, 0), 0);
    CHECK_ERRNO(poll(none, 11, 0), EINVAL);
    CHECK_EQ(fcntl(high, F_GETFD), 0); // an open descriptor above the limit stays
    CHECK_EQ(close(high), 0);
    CHECK_EQ(close(9), 0);
    CHECK_EQ(dup(0), 9);
}

static void use_stack(void *bytes)
{
    set_limit(RLIMIT_STACK, 1 << 20, 1 << 20);
    exec_self("stack", bytes, environ);
}

static void use_longer_stack(void *limit)
{
    set_limit(RLIMIT_STACK, *(rlim_t *)limit, RLIM_INFINITY);
    exec_self("stack", "16000000", environ);
}

UTEST(limits_stack, "limits.stack")
{
    join(spawn(use_stack, "700000"));
    CHECK_EQ(wait_for(spawn(use_stack, "1200000")), SIGSEGV);
    join(spawn(use_longer_stack, &(rlim_t){32 << 20}));
    join(spawn(use_longer_stack, &(rlim_t){RLIM_INFINITY}));
}

// ---- pending signals ----

#define SIG 40 // a real-time signal: it queues

static int queue(int sig)
{
    return sigqueue(getpid(), sig, (union sigval){.sival_int = 7});
}

static void fill_signals(void *)
{
    siginfo_t info;
    sigset_t all;
    struct timespec now = {0, 0};
    int n = 0;

    be_common();
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    set_limit(RLIMIT_SIGPENDING, 20, 20);
    while (n < 100 && queue(SIG) == 0)
        n++;
    CHECK_EQ(n, 20);
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(status_number(getpid(), "SigQ"), 20);
    CHECK_ERRNO(queue(SIG + 1), EAGAIN);
    CHECK_EQ(queue(SIGUSR2), 0);          // pending, but its value is lost
    CHECK_EQ(kill(getpid(), SIGUSR1), 0); // the limit does not hold for kill(2)
    CHECK_EQ(kill(getpid(), SIG + 2), 0); // but a real-time signal loses its sender
    CHECK_EQ(status_number(getpid(), "SigQ"), 21);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    CHECK_EQ(sigtimedwait(&one, &info, &now), SIGUSR1);
    CHECK_EQ(info.si_pid, getpid());
    sigaddset(&one, SIGUSR2);
    CHECK_EQ(sigtimedwait(&one, &info, &now), SIGUSR2);
    CHECK_EQ(info.si_code, SI_USER);
    CHECK_EQ(info.si_pid, 0);
    sigaddset(&one, SIG);
    CHECK_EQ(sigtimedwait(&one, &info, &now), SIG);
    CHECK_EQ(info.si_int, 7);
    CHECK_EQ(queue(SIG + 1), 0); // there is room for one signal again
    CHECK_ERRNO(queue(SIG + 1), EAGAIN);
}

UTEST(limits_signals, "limits.signals")
{
    join(spawn(fill_signals, NULL));
    // Threads are freed a moment after their end. (On Linux the signal was another user's.)
    for (int ms = 0; ms < 5000 && status_number(getpid(), "SigQ") > 0; ms++)
        sleep_ms(1);
    CHECK_EQ(status_number(getpid(), "SigQ"), 0);
}

// ---- processes ----

static void fill_processes(void *)
{
    pid_t child[16];
    int n = 0, limit = 0;

    be_common();
    // Finds how many processes exist already. On Linux this user has only the caller.
    for (; limit < 1000 && n == 0; limit++) {
        set_limit(RLIMIT_NPROC, (rlim_t)limit, limit_of(RLIMIT_NPROC).rlim_max);
        child[n] = fork();
        if (child[n] == 0)
            for (;;)
                pause();
        n += child[n] > 0;
    }
    CHECK(limit < 1000);
    set_limit(RLIMIT_NPROC, (rlim_t)limit + 4, limit_of(RLIMIT_NPROC).rlim_max);
    while (n < 16 && (child[n] = fork()) > 0)
        n++;
    if (n < 16 && child[n] == 0)
        for (;;)
            pause();
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(n, 6);
    kill(child[0], SIGKILL);
    siginfo_t info;
    CHECK_EQ(waitid(P_PID, (id_t)child[0], &info, WEXITED | WNOWAIT), 0);
    CHECK_ERRNO(fork(), EAGAIN); // a zombie counts until its parent has waited for it
    CHECK_EQ(waitpid(child[0], NULL, 0), child[0]);
    child[0] = fork();
    if (child[0] == 0)
        for (;;)
            pause();
    CHECK(child[0] > 0);
    for (int i = 0; i < n; i++) {
        kill(child[i], SIGKILL);
        waitpid(child[i], NULL, 0);
    }
}

UTEST(limits_processes, "limits.processes")
{
    join(spawn(fill_processes, NULL));
}

// ---- limits of the whole system: only root may change them ----

static long sysctl_read(const char *path)
{
    char text[32];

    return read_text(path, text, sizeof text) < 0 ? -1 : strtol(text, NULL, 10);
}

// Returns the old value.
static long sysctl_set(const char *path, long value)
{
    char text[32];
    long old = sysctl_read(path);

    snprintf(text, sizeof text, "%ld\n", value);
    if (write_text(path, text))
        utest_skip("%s: %s", path, strerror(errno));
    return old;
}

UTEST(limits_areas, "limits.areas")
{
    uint8_t *at = mmap(NULL, 256 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    static const char *const file = "/proc/sys/vm/max_map_count";
    long old = sysctl_set(file, 100);
    int areas = 0;

    for (; areas < 256; areas += 2) // each makes three areas out of one
        if (mprotect(at + (areas + 1) * PAGE, PAGE, PROT_READ | PROT_WRITE))
            break;
    CHECK_EQ(errno, ENOMEM);
    CHECK(areas > 50 && areas <= 100);
    CHECK_EQ(munmap(at, PAGE), 0); // makes no area
    CHECK_EQ(munmap(at + PAGE, PAGE), 0);
    while (mmap(NULL, PAGE, areas++ % 2 ? PROT_NONE : PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                0) != MAP_FAILED)
        CHECK(areas < 256);
    CHECK_EQ(errno, ENOMEM);
    CHECK_ERRNO(munmap(at + 150 * PAGE, PAGE), ENOMEM); // would make two areas out of one
    sysctl_set(file, old);
    CHECK_EQ(munmap(at + 150 * PAGE, PAGE), 0);
}

static void take_all(int (*take)(void), int most)
{
    int n = 0;

    CHECK_EQ(take(), 0);
    while (n < most && take() == 0)
        n++;
    CHECK_EQ(errno, ENFILE);
    CHECK(n > 0 && n < most);
}

static int take_file(void)
{
    return open("/dev/null", O_RDONLY) < 0 ? -1 : 0;
}

static int take_pipe(void)
{
    int ends[2];

    return pipe(ends);
}

UTEST(limits_files, "limits.files")
{
    static const char *const files = "/proc/sys/fs/file-max",
                             *const pipes = "/proc/sys/fs/pipe-user-pages-hard";

    if (!on_dr7())
        utest_skip("root is above these limits");
    int first = open("/dev/null", O_RDONLY);
    long open_now = sysctl_read("/proc/sys/fs/file-nr"), old = sysctl_set(files, open_now + 20);
    take_all(take_file, 21);
    CHECK_ERRNO(take_pipe(), ENFILE);
    CHECK_EQ(close(first), 0);
    sysctl_set(files, old);
    CHECK_EQ(take_file(), 0);
    CHECK_ERRNO(write_text(files, "100000000"), EINVAL); // it may not be raised
    old = sysctl_set(pipes, 10 * 16);
    take_all(take_pipe, 11);
    sysctl_set(pipes, old);
    CHECK_EQ(take_pipe(), 0);
}

static volatile sig_atomic_t too_long, who;

static void note_too_long(int, siginfo_t *info, void *)
{
    too_long++;
    who = info->si_code == SI_USER ? info->si_pid : -1;
}

UTEST(limits_file_size, "limits.file-size")
{
    const struct sigaction act = {.sa_sigaction = note_too_long, .sa_flags = SA_SIGINFO};
    char path[] = "/tmp/limit-XXXXXX";
    int fd = mkstemp(path);

    REQUIRE(fd >= 0 && unlink(path) == 0);
    REQUIRE(sigaction(SIGXFSZ, &act, NULL) == 0);
    set_limit(RLIMIT_FSIZE, 10, 20);
    CHECK_EQ(write(fd, "0123456789abc", 13), 10); // up to the limit
    CHECK_EQ(pwrite(fd, "abc", 3, 9), 1);
    CHECK_EQ(write(fd, "", 0), 0);
    CHECK_EQ(ftruncate(fd, 10), 0);
    CHECK_EQ(too_long, 0);
    CHECK_ERRNO(write(fd, "x", 1), EFBIG);
    CHECK(too_long == 1 && who == getpid());
    CHECK_ERRNO(pwrite(fd, "x", 1, 11), EFBIG);
    CHECK_EQ(too_long, 2);
    CHECK_ERRNO(ftruncate(fd, 11), EFBIG);
    CHECK_EQ(too_long, 3);
    set_limit(RLIMIT_FSIZE, 20, 20);
    CHECK_EQ(ftruncate(fd, 20), 0);
    set_limit(RLIMIT_FSIZE, 10, 20);
    CHECK_EQ(ftruncate(fd, 15), 0); // the file was longer before
    CHECK_EQ(lseek(fd, 0, SEEK_END), 15);
    CHECK_EQ(too_long, 3);
    close(fd);
}

UTEST(limits_threads, "limits.threads")
{
    static const char *const file = "/proc/sys/kernel/threads-max";

    if (!on_dr7())
        utest_skip("Linux takes no number below 20, and does not lower the processes' limits");
    long old = sysctl_set(file, 3);
    CHECK_ERRNO(fork(), EAGAIN);
    sysctl_set(file, old);
    CHECK_EQ(limit_of(RLIMIT_NPROC).rlim_cur, old / 2);
    set_limit(RLIMIT_NOFILE, 17, 18);
    join(spawn(check_inherited, NULL));
}

// ---- /tmp ----

static struct statfs tmp_now(void)
{
    struct statfs st;

    CHECK_EQ(statfs("/tmp", &st), 0);
    return st;
}

static void tmp_name(char name[64], int i)
{
    snprintf(name, 64, "/tmp/limits-%d-%d", (int)getpid(), i);
}

static int tmp_file(int i)
{
    char name[64];

    tmp_name(name, i);
    return open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
}

static void remove_files(int n)
{
    char name[64];

    for (int i = 0; i < n; i++) {
        tmp_name(name, i);
        CHECK_EQ(unlink(name), 0);
    }
}

UTEST(limits_tmp_empty, "limits.tmp-empty")
{
    enum { FILES = 400 };
    struct statfs before = tmp_now();
    struct sysinfo free0, free1;

    if (!on_dr7())
        utest_skip("on Linux other programs use memory at the same time");
    sysinfo(&free0);
    for (int i = 0; i < FILES; i++) {
        int fd = tmp_file(i);
        REQUIRE(fd >= 0);
        close(fd);
    }
    sysinfo(&free1);
    struct statfs after = tmp_now();
    CHECK_EQ(before.f_ffree - after.f_ffree, FILES);
    CHECK_EQ(before.f_files, after.f_files);
    CHECK(free0.freeram - free1.freeram < FILES * 1024); // only what describes a file
    remove_files(FILES);
    CHECK_EQ(before.f_ffree, tmp_now().f_ffree);
}

static void touch(void *at)
{
    *(volatile char *)at = 1;
}

UTEST(limits_tmp_full, "limits.tmp-full")
{
    static char piece[1 << 16];
    struct statfs before = tmp_now();
    int files = 0, fd = -1;

    if (!on_dr7())
        utest_skip("/tmp may be large, or no tmpfs");
    memset(piece, 1, sizeof piece);
    do {
        close(fd);
        fd = tmp_file(files++);
        REQUIRE(fd >= 0);
        for (int i = 0; i < 64 && write(fd, piece, sizeof piece) == sizeof piece; i++)
            ;
    } while (write(fd, piece, 1) < 0 && errno == EFBIG);
    CHECK_EQ(errno, ENOSPC);
    struct statfs full = tmp_now();
    CHECK_EQ(full.f_blocks, before.f_blocks);
    CHECK_EQ(full.f_bfree, 0);
    CHECK_EQ(ftruncate(fd, 4 << 20), 0); // a hole takes no page
    CHECK_EQ(pread(fd, piece, 1, (4 << 20) - 1), 1);
    CHECK_EQ(piece[0], 0);
    void *hole = mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, (4 << 20) - PAGE);
    CHECK_EQ(wait_for(spawn(touch, hole)), SIGBUS);
    munmap(hole, PAGE); // otherwise the file stays
    close(fd);
    remove_files(files);
    CHECK_EQ(before.f_bfree, tmp_now().f_bfree);
}
