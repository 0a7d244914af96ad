// Bad pointers in every call that takes one: EFAULT, never a crash, and nothing leaks.
#include "test/user/utest.h"
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

static const struct {
    const char *name;
    unsigned long addr;
} bad[] = {
    {"null page", 8},
    {"hole", 0x300000000000},
    {"end of user space", 0x7ffffffff000},
    {"kernel", 0xffffffff80100000},
    {"physical map", 0xffff888000000000},
    {"non-canonical", 0x8000000000000000},
    {"top", 0xfffffffffffffff8},
};

#define BAD_CALL(...)                                                                              \
    do {                                                                                           \
        errno = 0;                                                                                 \
        long r_ = syscall(__VA_ARGS__);                                                            \
        if (r_ != -1 || errno != EFAULT)                                                           \
            utest_fail(__FILE__, __LINE__, "%s, %s: %ld, errno %d", #__VA_ARGS__, where, r_,       \
                       errno);                                                                     \
    } while (0)

static void try_all(const char *where, unsigned long p)
{
    struct timespec soon = {0, 1};
    int ends[2], zero = open("/dev/zero", O_RDONLY), dir = open("/", O_RDONLY | O_DIRECTORY);
    struct iovec iov = {(void *)p, 64};
    char buf[64] = "";

    REQUIRE(pipe(ends) == 0 && zero >= 0 && dir >= 0);
    write(ends[1], buf, sizeof buf);
    BAD_CALL(SYS_read, zero, p, 64ul);
    BAD_CALL(SYS_read, ends[0], p, 64ul);
    BAD_CALL(SYS_write, ends[1], p, 64ul);
    BAD_CALL(SYS_readv, ends[0], &iov, 1ul);
    BAD_CALL(SYS_writev, ends[1], &iov, 1ul);
    BAD_CALL(SYS_readv, ends[0], p, 1ul);
    BAD_CALL(SYS_writev, ends[1], p, 1ul);
    BAD_CALL(SYS_open, p, O_RDONLY, 0);
    BAD_CALL(SYS_stat, p, buf);
    BAD_CALL(SYS_stat, "/", p);
    BAD_CALL(SYS_fstat, ends[0], p);
    BAD_CALL(SYS_getdents64, dir, p, 4096ul);
    BAD_CALL(SYS_chdir, p);
    BAD_CALL(SYS_getcwd, p, 64ul);
    BAD_CALL(SYS_access, p, 0);
    BAD_CALL(SYS_pipe, p);
    BAD_CALL(SYS_pipe2, p, 0);
    BAD_CALL(SYS_execve, p, NULL, NULL);
    BAD_CALL(SYS_rt_sigaction, SIGUSR1, p, NULL, 8ul);
    BAD_CALL(SYS_rt_sigaction, SIGUSR1, NULL, p, 8ul);
    BAD_CALL(SYS_rt_sigprocmask, SIG_BLOCK, p, NULL, 8ul);
    BAD_CALL(SYS_rt_sigprocmask, SIG_BLOCK, NULL, p, 8ul);
    BAD_CALL(SYS_sigaltstack, p, NULL);
    BAD_CALL(SYS_clock_gettime, CLOCK_MONOTONIC, p);
    BAD_CALL(SYS_nanosleep, p, NULL);
    BAD_CALL(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, p, NULL);
    BAD_CALL(SYS_gettimeofday, p, NULL);
    BAD_CALL(SYS_sched_setaffinity, 0, 8ul, p);
    BAD_CALL(SYS_sched_getaffinity, 0, 128ul, p);
    BAD_CALL(SYS_uname, p);
    BAD_CALL(SYS_getrandom, p, 8ul, 0);
    BAD_CALL(SYS_prlimit64, 0, RLIMIT_STACK, NULL, p);
    BAD_CALL(SYS_poll, p, 1ul, 0);
    BAD_CALL(SYS_perf_event_open, p, 0, -1, -1, 0ul);
    CHECK_EQ(syscall(SYS_nanosleep, &soon, NULL), 0);
    close(zero), close(dir), close(ends[0]), close(ends[1]);
}

UTEST(efault, "efault")
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        try_all(bad[i].name, bad[i].addr);
}

static void exit_five(void *)
{
    _exit(5);
}

UTEST(efault_wait, "efault-wait")
{
    pid_t pid = spawn(exit_five, NULL);

    CHECK_ERRNO(syscall(SYS_wait4, pid, bad_pointer(), 0, NULL), EFAULT);
    waitpid(pid, NULL, 0); // no standard says if the failed wait has reaped the child
}

// A buffer whose second half is not mapped: EFAULT, or the call handles only the first half.
UTEST(efault_straddle, "efault-straddle")
{
    char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int ends[2];

    REQUIRE(p != MAP_FAILED && pipe(ends) == 0);
    munmap(p + 4096, 4096);
    struct timespec *t = (struct timespec *)(p + 4096 - 8);
    CHECK_ERRNO(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, t), EFAULT);
    CHECK_ERRNO(syscall(SYS_nanosleep, t, NULL), EFAULT);
    strcpy(p + 4096 - 5, "/dev"); // ends at the end of the page
    CHECK(access(p + 4096 - 5, F_OK) == 0);
    memcpy(p + 4096 - 4, "/dev", 4); // has no end
    CHECK_ERRNO(access(p + 4096 - 4, F_OK), EFAULT);
    ssize_t n = write(ends[1], p + 4096 - 10, 20);
    CHECK(n == 10 || (n == -1 && errno == EFAULT));
}

// Read-only memory is refused like unmapped memory; copy-on-write memory is not.
UTEST(efault_readonly, "efault-readonly")
{
    static char cow[8192];
    char *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK_ERRNO(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, ro), EFAULT);
    CHECK_ERRNO(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &exit_five), EFAULT);
    pid_t pid = fork();
    if (pid == 0)
        _exit(syscall(SYS_getrandom, cow + 4090, 100ul, 0) != 100);
    join(pid);
    for (size_t i = 0; i < sizeof cow; i++)
        CHECK_EQ(cow[i], 0);
}
