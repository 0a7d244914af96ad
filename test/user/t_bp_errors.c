// Every errno that dr7 can return from perf_event_open(2) and from its descriptor, in the order in
// which Linux checks.
#include "test/user/bp_test.h"
#include <sys/mman.h>
#include <sys/wait.h>

#define KERNEL_START 0x7ffffffff000ul // first address that is not a program's

static volatile uint64_t v[2] __attribute__((aligned(16)));

static struct perf_event_attr good(void)
{
    return bp_attr(HW_BREAKPOINT_W, v, 8);
}

static int open_self(struct perf_event_attr attr)
{
    return bp_open_attr(&attr, 0, -1);
}

// good() with one field changed must fail with `want`; 0: it must succeed.
#define WITH(assignment, want)                                                                     \
    do {                                                                                           \
        struct perf_event_attr attr = good();                                                      \
        attr.assignment;                                                                           \
        errno = 0;                                                                                 \
        int fd_ = open_self(attr), e_ = fd_ < 0 ? errno : 0;                                       \
        if (e_ != (want))                                                                          \
            utest_fail(__FILE__, __LINE__, "%s: errno %d (%s), want %d", #assignment, e_,          \
                       strerror(e_), (want));                                                      \
        close(fd_);                                                                                \
    } while (0)

UTEST_TYPE(errors_attr, "errors")
{
    CHECK_ERRNO(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0ul), EFAULT);
    WITH(type = 0x7fffff00, ENOENT);
    WITH(bp_type = HW_BREAKPOINT_EMPTY, EINVAL);
    WITH(bp_type = HW_BREAKPOINT_R, EINVAL); // x86 cannot watch for reads alone
    WITH(bp_type = HW_BREAKPOINT_INVALID, EINVAL);
    WITH(bp_type = 8, EINVAL);
    WITH(bp_type = HW_BREAKPOINT_X | HW_BREAKPOINT_W, EINVAL);
    WITH(bp_type = HW_BREAKPOINT_X, 0);
    for (uint64_t len = 0; len <= 9; len++)
        WITH(bp_len = len, len == 1 || len == 2 || len == 4 || len == 8 ? 0 : EINVAL);
    if (on_dr7())
        WITH(bp_len = 16, EOPNOTSUPP); // AMD CPUs with address masks grant it
    for (uint64_t off = 1; off < 8; off++)
        WITH(bp_addr += off, EINVAL);
    WITH(bp_addr = 0, 0); // NULL is a normal address
    WITH(bp_addr = ~7ul, EINVAL);
    WITH(bp_addr = ~0ul, EINVAL);
    WITH(bp_addr = KERNEL_START - 8, 0);
    WITH(bp_addr = 0xff00000000000000, EINVAL);
    if (on_dr7()) { // Linux may have more user space, with five-level paging
        WITH(bp_addr = KERNEL_START, EINVAL);
        WITH(bp_addr = 0x800000000000, EINVAL);
    }
    WITH(sample_type = 1ul << 40, EINVAL);
    WITH(read_format = 1ul << 20, EINVAL);
    WITH(sample_period = 1ul << 63, EINVAL);
    WITH(__reserved_2 = 1, EINVAL);
    WITH(inherit_thread = 1, EINVAL); // without inherit
    WITH(sigtrap = 1, EINVAL);        // without remove_on_exec
    WITH(remove_on_exec = attr.enable_on_exec = 1, EINVAL);
    WITH(sample_type = PERF_SAMPLE_REGS_USER, EINVAL); // none of them
    WITH(sample_type = PERF_SAMPLE_REGS_USER | 0 * (attr.sample_regs_user = 0xff0fff), 0);
    WITH(sample_type = PERF_SAMPLE_REGS_INTR | 0 * (attr.sample_regs_intr = 0x1000), EINVAL); // DS
    WITH(sample_regs_user = 1ul << 32, EOPNOTSUPP);
    WITH(sample_type = PERF_SAMPLE_STACK_USER | 0 * (attr.sample_stack_user = 12), EINVAL);
    WITH(sample_type = PERF_SAMPLE_BRANCH_STACK, EINVAL); // no branches
    WITH(sample_type = PERF_SAMPLE_BRANCH_STACK | 0 * (attr.branch_sample_type = 8), EOPNOTSUPP);
    WITH(sample_type = PERF_SAMPLE_WEIGHT | PERF_SAMPLE_WEIGHT_STRUCT, EINVAL);
    WITH(sample_max_stack = 1000, 0); // but:
    WITH(sample_type = PERF_SAMPLE_CALLCHAIN | 0 * (attr.sample_max_stack = 1000), EOVERFLOW);
    WITH(use_clockid = attr.clockid = 1, 0);
    WITH(use_clockid = 1, EINVAL); // this clock cannot be read in an exception
    WITH(aux_output = 1, EOPNOTSUPP);
    WITH(aux_sample_size = 8, EINVAL);

    struct perf_event_attr attr = good();
    ((unsigned char *)&attr)[47] = 0x80; // the last flag bit
    CHECK_ERRNO(open_self(attr), EINVAL);
    for (uint64_t len = 1; len < 8; len++) { // execute wants the length of a long
        attr = bp_attr(HW_BREAKPOINT_X, v, len);
        CHECK_ERRNO(open_self(attr), EINVAL);
    }
    attr = bp_attr(HW_BREAKPOINT_X, (char *)KERNEL_START - 1, 8); // only the first byte counts
    int fd = open_self(attr);
    CHECK(fd >= 0);
    close(fd);
    attr = bp_attr(HW_BREAKPOINT_W, (char *)v + 1, 1);
    fd = open_self(attr);
    CHECK(fd >= 0);
    close(fd);
}

UTEST_TYPE(errors_size, "errors-size")
{
    static struct {
        struct perf_event_attr attr;
        char tail[4096];
    } big;
    const uint32_t known_min = 128;

    big.attr = good();
    big.attr.size = 0; // means 64, which has no bp_len yet
    CHECK_ERRNO(bp_open_attr(&big.attr, 0, -1), EINVAL);
    big.attr.size = 72;
    int fd = bp_open_attr(&big.attr, 0, -1);
    CHECK(fd >= 0);
    close(fd);
    big.attr.size = 4096; // larger than any kernel's attr, but the rest is zero
    fd = bp_open_attr(&big.attr, 0, -1);
    CHECK(fd >= 0);
    close(fd);
    static const uint32_t refused[] = {1, 63, 4097, 0xffffffff};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        big.attr.size = refused[i];
        CHECK_ERRNO(bp_open_attr(&big.attr, 0, -1), E2BIG);
        CHECK(big.attr.size >= known_min && big.attr.size <= 1024); // the kernel says its size
    }
    big.attr.size = 4096;
    big.tail[4096 - sizeof big.attr - 1] = 1; // a field that no kernel knows
    CHECK_ERRNO(bp_open_attr(&big.attr, 0, -1), E2BIG);
    CHECK(big.attr.size >= known_min && big.attr.size <= 1024);

    char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(p + 4096, 4096);
    struct perf_event_attr attr = good();
    memcpy(p + 4096 - 72, &attr, 72); // its end is not mapped
    CHECK_ERRNO(syscall(SYS_perf_event_open, p + 4096 - 72, 0, -1, -1, 0ul), EFAULT);
}

static void exit_now(void *)
{
}

UTEST_TYPE(errors_target, "errors-target")
{
    struct perf_event_attr attr = good();
    int null = open("/dev/null", O_RDONLY);

    CHECK_ERRNO(bp_open_attr(&attr, -1, -1), EINVAL);
    CHECK_ERRNO(bp_open_attr(&attr, 1234567, -1), ESRCH);
    CHECK_ERRNO(bp_open_attr(&attr, -2, -1), ESRCH);
    CHECK_ERRNO(bp_open_attr(&attr, 0, 100000), EINVAL);
    CHECK_ERRNO(bp_open_attr(&attr, -1, 100000), EINVAL);
    CHECK_ERRNO(bp_open_attr(&attr, 0, -2), EINVAL);
    CHECK_ERRNO(syscall(SYS_perf_event_open, &attr, 0, -1, 999, 0ul), EBADF);
    CHECK_ERRNO(syscall(SYS_perf_event_open, &attr, 0, -1, null, 0ul), EBADF);
    CHECK_ERRNO(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 16ul), EINVAL);
    CHECK_ERRNO(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 1ul << 40), EINVAL);
    pid_t zombie = spawn(exit_now, NULL);
    sleep_ms(100);
    CHECK_ERRNO(bp_open_attr(&attr, zombie, -1), ESRCH);
    join(zombie);
    CHECK_ERRNO(bp_open_attr(&attr, zombie, -1), ESRCH);
    int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    fd = open_self(attr);
    CHECK_EQ(fcntl(fd, F_GETFD), 0);
    close(fd);
}

UTEST_TYPE(errors_space, "errors-space")
{
    int fd[BP_REGISTERS];

    for (int i = 0; i < BP_REGISTERS; i++)
        fd[i] = bp_must(HW_BREAKPOINT_W, v, 8);
    WITH(bp_len = 8, ENOSPC);
    WITH(bp_addr += 1, ENOSPC); // on a full machine the slots are checked first
    WITH(bp_len = 3, ENOSPC);
    WITH(bp_type = HW_BREAKPOINT_X, ENOSPC);
    WITH(bp_type = HW_BREAKPOINT_EMPTY, EINVAL); // but these two are not valid types
    WITH(bp_type = HW_BREAKPOINT_INVALID, EINVAL);
    WITH(disabled = 1, ENOSPC);            // a disabled one needs a slot, too
    WITH(sample_type = 1ul << 40, EINVAL); // but the attr itself is checked before
    close(fd[2]);
    WITH(bp_addr += 1, EINVAL); // a refused request gives the slot back
    WITH(bp_len = 3, EINVAL);
    WITH(bp_len = 8, 0);
    close(fd[0]), close(fd[1]), close(fd[3]);
}

UTEST_TYPE(errors_emfile, "errors-emfile")
{
    int spare = -1, fd;

    while ((fd = dup(0)) >= 0)
        spare = fd;
    for (int i = 0; i < 10; i++) // finds a slot that leaks
        CHECK_ERRNO(open_self(good()), EMFILE);
    close(spare);
    CHECK_EQ(open_self(good()), spare);
}

UTEST_TYPE(errors_fd, "errors-descriptor")
{
    int fd = open_self(good());
    uint64_t word;

    REQUIRE(fd >= 0);
    CHECK_ERRNO(read(fd, &word, 7), ENOSPC);
    CHECK_ERRNO(read(fd, &word, 0), ENOSPC);
    CHECK_EQ(read(fd, &word, 8), 8);
    CHECK_ERRNO(read(fd, bad_pointer(), 8), EFAULT);
    CHECK_ERRNO(write(fd, &word, 8), EINVAL);
    CHECK_ERRNO(lseek(fd, 0, SEEK_SET), ESPIPE);
    CHECK_ERRNO(ioctl(fd, 0x5401), ENOTTY);
    CHECK_ERRNO(ioctl(fd, 0x24ff), ENOTTY);
    CHECK_ERRNO(ioctl(fd, PERF_EVENT_IOC_ID, bad_pointer()), EFAULT);
    CHECK_ERRNO(ioctl(0, PERF_EVENT_IOC_RESET), ENOTTY);
    close(fd);
    CHECK_ERRNO(ioctl(fd, PERF_EVENT_IOC_RESET, 0), EBADF);
    CHECK_ERRNO(read(fd, &word, 8), EBADF);
}
