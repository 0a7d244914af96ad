// Exact counts of software events: clocks, switches, migrations, page faults.
#include "test/user/bp_test.h"
#include <sys/mman.h>
#include <sys/wait.h>

static volatile uint64_t word;

static int open_attr(struct perf_event_attr *attr, int cpu)
{
    int fd = bp_open_attr(attr, cpu < 0 ? 0 : -1, cpu);
    if (fd < 0 && (errno == EACCES || errno == EPERM))
        utest_skip("the kernel's events are not allowed here");
    REQUIRE(fd >= 0);
    return fd;
}

static int open_soft(uint64_t config, int cpu, uint64_t read_format)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attr};

    attr.config = config;
    attr.read_format = read_format;
    return open_attr(&attr, cpu);
}

static void burn_ms(uint64_t ms)
{
    for (uint64_t end = now_ns() + ms * 1000000; now_ns() < end;)
        continue;
}

#define MS 1000000ll

UTEST(soft_clocks, "soft-clocks")
{
    uint64_t before[2], after[2];
    int task = open_soft(PERF_COUNT_SW_TASK_CLOCK, -1, PERF_FORMAT_TOTAL_TIME_RUNNING);
    int cpu = open_soft(PERF_COUNT_SW_CPU_CLOCK, 0, 0);

    burn_ms(20);
    CHECK_EQ(read(task, before, sizeof before), sizeof before);
    CHECK(before[0] > 0);
    CHECK((int64_t)(before[1] - before[0]) < MS && (int64_t)(before[0] - before[1]) < MS);
    int64_t wall = bp_read(cpu);
    sleep_ms(100);
    CHECK_EQ(read(task, after, sizeof after), sizeof after);
    CHECK((int64_t)(after[0] - before[0]) < 50 * MS); // a task that sleeps uses no time
    CHECK(bp_read(cpu) - wall >= 99 * MS);            // the CPU's clock goes on
    CHECK_EQ(ioctl(task, PERF_EVENT_IOC_RESET, 0), 0);
    CHECK(bp_read(task) < 50 * MS || on_tcg());
    close(task);
    close(cpu);
}

// Reads both numbers at one moment: if a switch comes between the two reads, it reads again.
static long switches_beside(int fd, int64_t *count)
{
    for (;;) {
        *count = bp_read(fd);
        long status = context_switches(getpid());
        if (bp_read(fd) == *count)
            return status;
    }
}

// A process on the same CPU that answers. To get its answer, the caller must leave the CPU.
struct answerer {
    int to, from;
    pid_t pid;
};

static struct answerer start_answerer(void)
{
    int to[2], from[2];
    char byte;

    pin_to_cpu(0);
    REQUIRE(pipe(to) == 0 && pipe(from) == 0);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        close(to[1]);
        while (read(to[0], &byte, 1) == 1 && write(from[1], &byte, 1) == 1)
            continue;
        _exit(0);
    }
    close(to[0]);
    close(from[1]);
    return (struct answerer){to[1], from[0], pid};
}

static void ask(const struct answerer *a)
{
    char byte = 0;

    CHECK_EQ(write(a->to, &byte, 1), 1);
    CHECK_EQ(read(a->from, &byte, 1), 1);
}

static void end_answerer(const struct answerer *a)
{
    close(a->to);
    CHECK_EQ(waitpid(a->pid, NULL, 0), a->pid);
    close(a->from);
}

UTEST(soft_switches, "soft-switches")
{
    int64_t before, after;
    struct answerer a = start_answerer();
    int fd = open_soft(PERF_COUNT_SW_CONTEXT_SWITCHES, -1, 0);
    long status = switches_beside(fd, &before);

    for (int i = 0; i < 50; i++)
        ask(&a);
    status = switches_beside(fd, &after) - status;
    CHECK_EQ(after - before, status); // the number from the scheduler
    CHECK(after - before >= 50);
    close(fd);
    end_answerer(&a);
}

UTEST(soft_migrations, "soft-migrations")
{
    if (online_cpus() < 2)
        utest_skip("needs two CPUs");
    pin_to_cpu(0);
    int fd = open_soft(PERF_COUNT_SW_CPU_MIGRATIONS, -1, 0);
    for (int i = 1; i <= 10; i++) {
        pin_to_cpu(i % 2);
        pin_to_cpu(i % 2); // the task is on CPU 0 already
        CHECK_EQ(bp_read(fd), i);
    }
    close(fd);
}

// A task that begins on a CPU has not moved there. So its copies of an event count nothing.
UTEST(soft_no_migration, "soft-no-migration")
{
    if (online_cpus() < 2)
        utest_skip("needs two CPUs");
    pin_to_cpu(1);
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
                                   .size = sizeof attr,
                                   .config = PERF_COUNT_SW_CPU_MIGRATIONS,
                                   .inherit = 1};
    int fd = open_attr(&attr, -1);
    for (int i = 0; i < 3; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        CHECK_EQ(waitpid(pid, NULL, 0), pid);
    }
    CHECK_EQ(bp_read(fd), 0);
    close(fd);
}

enum { FAULT_PAGES = 64 };

// Ring 3 writes all pages but the last, twice: got[0 .. 2] are the three counts then. The kernel
// writes the last page: got[3 .. 5] are the counts after it.
static void count_faults(const int fd[3], int64_t got[6])
{
    int ends[2];
    int64_t start[3];
    volatile char *p =
        mmap(NULL, FAULT_PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    REQUIRE(p != MAP_FAILED && pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
    for (int i = 0; i < 3; i++)
        start[i] = bp_read(fd[i]);
    for (int i = 0; i < 2 * (FAULT_PAGES - 1); i++)
        p[i % (FAULT_PAGES - 1) * 4096] = 1;
    for (int i = 0; i < 3; i++)
        got[i] = bp_read(fd[i]) - start[i];
    REQUIRE(read(ends[0], (void *)(p + (FAULT_PAGES - 1) * 4096), 1) == 1);
    for (int i = 0; i < 3; i++)
        got[3 + i] = bp_read(fd[i]) - start[i];
    close(ends[0]);
    close(ends[1]);
}

UTEST_RULES(soft_faults, "soft-page-faults", NULL)
{
    struct perf_event_attr kernel = {.type = PERF_TYPE_SOFTWARE, .size = sizeof kernel};
    int major = open_soft(PERF_COUNT_SW_PAGE_FAULTS_MAJ, -1, 0);
    int align = open_soft(PERF_COUNT_SW_ALIGNMENT_FAULTS, -1, 0);
    int dummy = open_soft(PERF_COUNT_SW_DUMMY, -1, 0);
    int64_t got[6];

    kernel.config = PERF_COUNT_SW_PAGE_FAULTS;
    kernel.exclude_user = 1;
    int fd[3] = {open_soft(PERF_COUNT_SW_PAGE_FAULTS, -1, 0),
                 open_soft(PERF_COUNT_SW_PAGE_FAULTS_MIN, -1, 0), bp_open_attr(&kernel, 0, -1)};
    REQUIRE(fd[2] >= 0);
    count_faults(fd, got); // the first call also faults for its own code
    count_faults(fd, got);
    CHECK_EQ(got[0], FAULT_PAGES - 1);
    CHECK_EQ(got[1], FAULT_PAGES - 1);
    CHECK_EQ(got[2], 0);
    CHECK_EQ(got[3], FAULT_PAGES);
    CHECK_EQ(got[4], FAULT_PAGES);
    CHECK_EQ(got[5], 1);
    CHECK_EQ(bp_read(major) + bp_read(align) + bp_read(dummy), 0);
}

// A group of a breakpoint and a count of switches.
UTEST_HWBP(soft_group, "soft-beside-breakpoint")
{
    struct perf_event_attr bp = bp_attr(HW_BREAKPOINT_W, &word, 8);
    struct perf_event_attr sw = {.type = PERF_TYPE_SOFTWARE, .size = sizeof sw};
    struct answerer a = start_answerer();
    uint64_t words[3];

    bp.read_format = PERF_FORMAT_GROUP;
    sw.config = PERF_COUNT_SW_CONTEXT_SWITCHES;
    int leader = bp_open_attr(&bp, 0, -1);
    int sibling = (int)syscall(SYS_perf_event_open, &sw, 0, -1, leader, 0ul);
    REQUIRE(leader >= 0 && sibling >= 0);
    for (int i = 0; i < 10; i++) {
        store8(&word, 1);
        ask(&a);
    }
    CHECK_EQ(read(leader, words, sizeof words), 24);
    CHECK(words[0] == 2 && words[1] == 10 && words[2] >= 10);
    close(leader);
    close(sibling);
    end_answerer(&a);
}

UTEST(soft_errors, "soft-errors")
{
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attr};
    int fd = open_soft(PERF_COUNT_SW_DUMMY, -1, 0);

    attr.config = PERF_COUNT_SW_DUMMY;
    CHECK_ERRNO(ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr), EOPNOTSUPP);
    attr.type = PERF_TYPE_BREAKPOINT;
    CHECK_ERRNO(ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr), EINVAL);
    attr.type = PERF_TYPE_SOFTWARE;
    attr.config = 1000;
    CHECK_ERRNO(bp_open_attr(&attr, 0, -1), ENOENT);
    attr.config = PERF_COUNT_SW_DUMMY;
    attr.inherit_thread = 1; // without inherit
    CHECK_ERRNO(bp_open_attr(&attr, 0, -1), EINVAL);
    CHECK_ERRNO(ioctl(fd, 0x24ff, 0), ENOTTY);
    CHECK_ERRNO(ioctl(fd, PERF_EVENT_IOC_SET_FILTER, NULL), EFAULT);
    CHECK_ERRNO(ioctl(fd, PERF_EVENT_IOC_SET_FILTER, ""), EINVAL);
    CHECK_ERRNO(ioctl(fd, PERF_EVENT_IOC_SET_BPF, -1), EBADF);
    CHECK_ERRNO(ioctl(fd, PERF_EVENT_IOC_SET_BPF, 250), EBADF);
    CHECK_ERRNO(ioctl(fd, PERF_EVENT_IOC_SET_BPF, fd), EINVAL); // no program
    CHECK_ERRNO(ioctl(fd, PERF_EVENT_IOC_PERIOD, NULL), EFAULT);
    CHECK_ERRNO(ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, 0xfffffffful), EBADF); // -1 has 64 bits
    close(fd);
}

// The files that tell programs that perf events exist.
UTEST(perf_files, "perf-files")
{
    char text[32];

    CHECK(read_text("/proc/sys/kernel/perf_event_paranoid", text, sizeof text) > 1);
    CHECK(atoi(text) >= -1 && atoi(text) <= 4);
    CHECK_EQ(write_text("/proc/sys/kernel/perf_event_paranoid", "-1"), 0);
    CHECK(read_text("/proc/sys/kernel/perf_event_paranoid", text, sizeof text) > 1);
    CHECK(strcmp(text, "-1\n") == 0);
    CHECK_EQ(write_text("/proc/sys/kernel/perf_event_paranoid", "2"), 0);
    CHECK_ERRNO(write_text("/proc/sys/kernel/perf_event_paranoid", "x"), EINVAL);
    CHECK(read_text("/proc/sys/kernel/perf_event_max_stack", text, sizeof text) > 1);
    CHECK(strcmp(text, "127\n") == 0);
    CHECK_ERRNO(write_text("/proc/sys/kernel/perf_event_max_sample_rate", "99999999999"), EINVAL);
}
