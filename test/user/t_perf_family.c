// Groups, inherited copies, software events and modification, as a program sees them.
#include "test/user/bp_test.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

static volatile uint64_t word, other[4];
static volatile uint16_t half[2] __attribute__((aligned(4)));

static int open_group(struct perf_event_attr *attr, int leader)
{
    return (int)syscall(SYS_perf_event_open, attr, 0, -1, leader, 0ul);
}

static struct perf_event_attr soft_attr(uint64_t config)
{
    struct perf_event_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.type = PERF_TYPE_SOFTWARE;
    attr.size = sizeof attr;
    attr.config = config;
    return attr;
}

// ---- groups ----

UTEST_SEVERAL(perf_group_read, "group-read")
{
    struct perf_event_attr a = bp_attr(HW_BREAKPOINT_W, &word, 8);
    struct perf_event_attr b = bp_attr(HW_BREAKPOINT_W, &other[0], 8);
    uint64_t v[9], id;
    a.pinned = b.pinned = 0;
    a.disabled = 1;
    a.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_ID | PERF_FORMAT_TOTAL_TIME_ENABLED |
                    PERF_FORMAT_TOTAL_TIME_RUNNING;
    int leader = open_group(&a, -1);
    REQUIRE(leader >= 0);
    int sibling = open_group(&b, leader);
    REQUIRE(sibling >= 0);
    word = other[0] = 1; // the leader is off, so no event counts
    CHECK_EQ(ioctl(leader, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP), 0);
    for (int i = 0; i < 10; i++)
        word = i;
    for (int i = 0; i < 7; i++)
        other[0] = i;
    CHECK_EQ(ioctl(leader, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP), 0);
    word = other[0] = 2;
    CHECK_EQ(read(leader, v, sizeof v), 7 * 8);
    CHECK_EQ(v[0], 2);
    CHECK(v[1] >= v[2] && v[2] > 0);
    CHECK_EQ(v[3], 10);
    CHECK_EQ(v[5], 7);
    CHECK_EQ(ioctl(leader, PERF_EVENT_IOC_ID, &id), 0);
    CHECK_EQ(v[4], id);
    CHECK_EQ(ioctl(sibling, PERF_EVENT_IOC_ID, &id), 0);
    CHECK_EQ(v[6], id);
    CHECK_ERRNO(read(leader, v, 6 * 8), ENOSPC);
    CHECK_EQ(ioctl(leader, PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP), 0);
    CHECK_EQ(read(leader, v, sizeof v), 7 * 8);
    CHECK_EQ(v[3] + v[5], 0);
    CHECK_ERRNO(open_group(&b, sibling), EINVAL); // a sibling cannot be a leader
    b.pinned = 1;
    CHECK_ERRNO(open_group(&b, leader), EINVAL);
    CHECK_ERRNO(open_group(&a, 0), EBADF); // not an event
    close(leader);
    close(sibling);
}

// ---- inheritance ----

static int open_inherited(uint64_t flags)
{
    struct perf_event_attr a = bp_attr(HW_BREAKPOINT_W, &word, 8);
    a.pinned = 0;
    a.inherit = 1;
    a.inherit_thread = flags & 1;
    return bp_open_attr(&a, 0, -1);
}

static void child_writes(int n, int depth)
{
    pid_t pid = depth ? fork() : 0;
    if (depth && pid == 0) {
        child_writes(n, depth - 1);
        _exit(0);
    }
    for (int i = 0; i < n; i++)
        word = i;
    if (depth)
        waitpid(pid, NULL, 0);
}

UTEST_HWBP(perf_inherit_exact, "inherit-exact")
{
    int fd = open_inherited(0), go[2], done[2];
    char c = 0;
    REQUIRE(fd >= 0);
    for (int i = 0; i < 100; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            child_writes(i % 7, i % 3); // some with children of their own
            _exit(0);
        }
        REQUIRE(pid > 0);
        waitpid(pid, NULL, 0);
    }
    long sum = 0;
    for (int i = 0; i < 100; i++)
        sum += (i % 7) * (i % 3 + 1);
    CHECK_EQ(bp_read(fd), sum);

    // The count of a living child is in the sum, and the parent can disable and enable the child's
    // copy.
    REQUIRE(pipe(go) == 0 && pipe(done) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        while (read(go[0], &c, 1) == 1 && c != 'q') {
            word = 1;
            if (write(done[1], &c, 1) != 1)
                _exit(1);
        }
        _exit(0);
    }
    for (int i = 0; i < 3; i++) {
        REQUIRE(write(go[1], "w", 1) == 1 && read(done[0], &c, 1) == 1);
        CHECK_EQ(bp_read(fd), sum + 1 + (i == 2));
        CHECK_EQ(ioctl(fd, i == 0 ? PERF_EVENT_IOC_DISABLE : PERF_EVENT_IOC_ENABLE, 0), 0);
    }
    REQUIRE(write(go[1], "q", 1) == 1);
    waitpid(pid, NULL, 0);
    CHECK_EQ(bp_end(fd), sum + 2);
}

static void *thread_writes(void *arg)
{
    for (long i = 0; i < (long)arg; i++)
        word = (uint64_t)i;
    return NULL;
}

UTEST_HWBP(perf_inherit_thread, "inherit-thread")
{
    int fd = open_inherited(1);
    pthread_t t[5];
    REQUIRE(fd >= 0);
    for (long i = 0; i < 5; i++)
        REQUIRE(pthread_create(&t[i], NULL, thread_writes, (void *)(100 * i)) == 0);
    for (int i = 0; i < 5; i++)
        pthread_join(t[i], NULL);
    pid_t pid = fork();
    if (pid == 0) { // a process, not a thread: not inherited
        word = 1;
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    CHECK_EQ(bp_end(fd), 1000);
}

// ---- software events ----

UTEST(perf_soft, "software-events")
{
    struct perf_event_attr sw = soft_attr(PERF_COUNT_SW_CONTEXT_SWITCHES);
    struct perf_event_attr pf = soft_attr(PERF_COUNT_SW_PAGE_FAULTS);
    struct perf_event_attr dummy = soft_attr(PERF_COUNT_SW_DUMMY);
    struct perf_event_attr clock = soft_attr(PERF_COUNT_SW_TASK_CLOCK);
    struct timespec ms = {0, 10000000};
    pf.exclude_kernel = 1;
    int s = bp_open_attr(&sw, 0, -1), d = bp_open_attr(&dummy, 0, -1);
    int t = bp_open_attr(&clock, 0, -1), p;
    if (s < 0 && errno == EACCES)
        utest_skip("the kernel's software events are not allowed here");
    REQUIRE(s >= 0 && d >= 0 && t >= 0);
    for (int i = 0; i < 5; i++)
        nanosleep(&ms, NULL);
    CHECK(bp_read(s) >= 5 && bp_read(s) < 20);
    CHECK_EQ(bp_read(d), 0);
    int64_t before = bp_read(t);
    for (volatile long i = 0; i < 1000000; i++)
        ;
    CHECK(bp_read(t) > before);

    char *pages = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(pages != MAP_FAILED);
    p = MUST_OPEN(&pf, 0, -1);
    int64_t first = bp_read(p);
    for (int i = 0; i < 16; i++)
        ((volatile char *)pages)[i * 4096] = 1;
    int64_t faults = bp_read(p) - first;
    if (faults > 16) // fewer if one fault brings in several pages, as on Linux
        CHECK_EQ(faults, 16);
    CHECK(faults > 0);
    struct perf_event_attr bad = soft_attr(1000);
    CHECK_ERRNO(bp_open_attr(&bad, 0, -1), ENOENT);
    close(s);
    close(d);
    close(t);
    close(p);
}

// ---- exec ----

UTEST_HWBP(perf_exec_flags, "enable-on-exec")
{
    struct perf_event_attr a = bp_attr(HW_BREAKPOINT_W, &word, 8);
    a.enable_on_exec = a.remove_on_exec = 1;
    CHECK_ERRNO(bp_open_attr(&a, 0, -1), EINVAL);
    struct perf_event_attr sw = soft_attr(PERF_COUNT_SW_PAGE_FAULTS);
    sw.disabled = sw.enable_on_exec = sw.exclude_kernel = 1;
    int ready[2], go[2];
    char c = 0;
    REQUIRE(pipe(ready) == 0 && pipe(go) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY); // drops the output
        if (read(go[0], &c, 1) == 1 && dup2(null, 1) == 1)
            execl("/proc/self/exe", "utest", "-l", NULL);
        no_exec("this binary");
    }
    int fd = bp_open_attr(&sw, pid, -1);
    sw.enable_on_exec = 0;
    sw.disabled = 0;
    sw.remove_on_exec = 1;
    int gone = bp_open_attr(&sw, pid, -1);
    REQUIRE(fd >= 0 && gone >= 0);
    CHECK_EQ(bp_read(fd), 0);
    fflush(NULL);
    REQUIRE(write(go[1], "g", 1) == 1);
    int status;
    waitpid(pid, &status, 0);
    CHECK(bp_read(fd) > bp_read(gone)); // one counts in the new program, the other only before
    close(fd);
    close(gone);
}

// ---- modify ----

UTEST_SEVERAL(perf_modify, "modify-full")
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &word, 8);
    int fd[BP_REGISTERS];
    for (int i = 0; i < BP_REGISTERS; i++)
        REQUIRE((fd[i] = bp_open_attr(&attr, 0, -1)) >= 0);
    word = 1;
    attr.bp_addr = (uintptr_t)&half[0];
    attr.bp_len = 2;
    attr.disabled = 1;
    CHECK_EQ(ioctl(fd[0], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr), 0); // all four are taken
    half[0] = 1;
    CHECK_EQ(bp_read(fd[0]), 1);
    CHECK_EQ(ioctl(fd[0], PERF_EVENT_IOC_ENABLE, 0), 0);
    half[0] = 2;
    half[1] = 2;
    CHECK_EQ(bp_read(fd[0]), 2);
    attr.bp_addr++; // not aligned: the old breakpoint stays
    attr.disabled = 0;
    CHECK_ERRNO(ioctl(fd[0], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr), EINVAL);
    attr.bp_addr--;
    attr.exclude_user = 1; // exclude_user cannot change
    CHECK_ERRNO(ioctl(fd[0], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr), EINVAL);
    struct perf_event_attr wide = attr; // bp_addr and bp_len are checked first
    wide.bp_len = 16;
    wide.bp_addr &= ~15ul;
    CHECK_ERRNO(ioctl(fd[0], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &wide), EOPNOTSUPP);
    attr.exclude_user = 0;
    attr.type = PERF_TYPE_SOFTWARE;
    CHECK_ERRNO(ioctl(fd[0], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr), EINVAL);
    CHECK_EQ(ioctl(fd[0], PERF_EVENT_IOC_ENABLE, 0), 0);
    half[0] = 3;
    CHECK_EQ(bp_read(fd[0]), 3);
    for (int i = 0; i < BP_REGISTERS; i++)
        close(fd[i]);
}
