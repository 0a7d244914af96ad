// Groups in detail: every read format, which event may be a sibling, the group flag, a leader that
// is closed, and the modification that tools use.
#include "test/user/bp_test.h"

#define MEMBERS 3

static volatile uint64_t v[4] __attribute__((aligned(32)));

static int open_member(struct perf_event_attr *attr, pid_t pid, int cpu, int leader,
                       unsigned long flags)
{
    return (int)syscall(SYS_perf_event_open, attr, pid, cpu, leader, flags);
}

static struct perf_event_attr flexible(int i)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &v[i], 8);

    attr.pinned = 0;
    return attr;
}

static int64_t first_word(int fd)
{
    uint64_t words[16];

    return read(fd, words, sizeof words) > 0 ? (int64_t)words[0] : -1;
}

UTEST_SEVERAL(group_formats, "group-formats")
{
    for (unsigned format = 0; format < 32; format++) {
        int fd[MEMBERS];
        uint64_t id[MEMBERS], words[32];
        for (int i = 0; i < MEMBERS; i++) {
            struct perf_event_attr attr = flexible(i);
            attr.read_format = format;
            fd[i] = open_member(&attr, 0, -1, i ? fd[0] : -1, 0);
            REQUIRE(fd[i] >= 0 && ioctl(fd[i], PERF_EVENT_IOC_ID, &id[i]) == 0);
        }
        for (int i = 0; i < MEMBERS; i++)
            for (int n = 0; n <= i; n++)
                store8(&v[i], 1);
        bool group = format & PERF_FORMAT_GROUP;
        unsigned each = 1 + !!(format & PERF_FORMAT_ID) + !!(format & PERF_FORMAT_LOST);
        unsigned times = __builtin_popcount(
            format & (PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING));
        size_t want = 8 * (group ? 1 + times + MEMBERS * each : times + each);
        CHECK_ERRNO(read(fd[0], words, want - 1), ENOSPC);
        CHECK_EQ(read(fd[0], words, sizeof words), want);
        if (group) {
            CHECK_EQ(words[0], MEMBERS);
            for (unsigned i = 0; i < MEMBERS; i++) {
                const uint64_t *member = &words[1 + times + i * each];
                CHECK_EQ(member[0], i + 1);
                if (format & PERF_FORMAT_ID)
                    CHECK_EQ(member[1], id[i]);
                if (format & PERF_FORMAT_LOST)
                    CHECK_EQ(member[each - 1], 0);
            }
        } else {
            CHECK_EQ(words[0], 1);
            CHECK_EQ(first_word(fd[2]), 3);
        }
        for (int i = 0; i < MEMBERS; i++)
            close(fd[i]);
    }
}

UTEST_HWBP(group_errors, "group-errors")
{
    struct perf_event_attr attr = flexible(0);
    struct gate gate;
    int leader = open_member(&attr, 0, -1, -1, 0), ends[2];

    gate_init(&gate);
    REQUIRE(leader >= 0 && pipe(ends) == 0);
    pid_t other = fork();
    if (other == 0) {
        gate_wait(&gate);
        _exit(0);
    }
    CHECK_ERRNO(open_member(&attr, other, -1, leader, 0), EINVAL); // another task
    CHECK_ERRNO(open_member(&attr, 0, 0, leader, 0), EINVAL);      // another CPU
    CHECK_ERRNO(open_member(&attr, -1, 0, leader, 0), EINVAL);
    CHECK_ERRNO(open_member(&attr, 0, -1, ends[0], 0), EBADF);
    CHECK_ERRNO(open_member(&attr, 0, -1, 999, 0), EBADF);
    CHECK_ERRNO(open_member(&attr, 0, -1, -2, 0), EBADF);
    attr.inherit = 1; // children would inherit half a group
    CHECK_ERRNO(open_member(&attr, 0, -1, leader, 0), EINVAL);
    attr.inherit = 0;
    attr.exclusive = 1;
    CHECK_ERRNO(open_member(&attr, 0, -1, leader, 0), EINVAL);
    attr.exclusive = 0;
    attr.pinned = 1;
    CHECK_ERRNO(open_member(&attr, 0, -1, leader, 0), EINVAL);
    int alone = open_member(&attr, 0, -1, leader, PERF_FLAG_FD_NO_GROUP);
    CHECK(alone >= 0); // the descriptor was used for the output only
    close(leader);
    store8(&v[0], 1);
    CHECK_EQ(bp_end(alone), 1);
    attr.pinned = 0;
    leader = open_member(&attr, other, -1, -1, 0);
    gate_open(&gate);
    join(other);
    CHECK_ERRNO(open_member(&attr, 0, -1, leader, 0), ENODEV); // the task has ended: checked first
    CHECK_ERRNO(open_member(&attr, 0, -2, leader, 0), ENODEV);
    close(leader);
}

// With the flag, ioctl on any member changes the whole group. Without it, only that member.
UTEST_SEVERAL(group_flag, "group-flag")
{
    int fd[MEMBERS];

    for (int i = 0; i < MEMBERS; i++) {
        struct perf_event_attr attr = flexible(i);
        REQUIRE((fd[i] = open_member(&attr, 0, -1, i ? fd[0] : -1, 0)) >= 0);
    }
    CHECK_EQ(ioctl(fd[1], PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP), 0);
    for (int i = 0; i < MEMBERS; i++)
        store8(&v[i], 1);
    for (int i = 0; i < MEMBERS; i++)
        CHECK_EQ(bp_read(fd[i]), 0);
    CHECK_EQ(ioctl(fd[2], PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP), 0);
    CHECK_EQ(ioctl(fd[1], PERF_EVENT_IOC_DISABLE, 0), 0);
    for (int i = 0; i < MEMBERS; i++)
        store8(&v[i], 1);
    CHECK_EQ(bp_read(fd[0]), 1);
    CHECK_EQ(bp_read(fd[1]), 0);
    CHECK_EQ(bp_read(fd[2]), 1);
    // A disabled leader stops its siblings. A closed one does not: they go on alone.
    CHECK_EQ(ioctl(fd[0], PERF_EVENT_IOC_DISABLE, 0), 0);
    store8(&v[2], 1);
    CHECK_EQ(bp_read(fd[2]), 1);
    close(fd[0]);
    store8(&v[1], 1);
    store8(&v[2], 1);
    CHECK_EQ(bp_end(fd[1]), 0);
    CHECK_EQ(bp_end(fd[2]), 2);
}

// A pinned group without room reads as end of file until it is enabled when there is room.
UTEST_RULES(group_eof, "group-error-state", "exact")
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &v[0], 8), sibling = flexible(1);
    uint64_t words[8];
    int single = bp_must(HW_BREAKPOINT_W, &v[2], 8);

    attr.exclusive = 1;
    attr.read_format = PERF_FORMAT_GROUP;
    int leader = open_member(&attr, 0, -1, -1, 0);
    REQUIRE(leader >= 0);
    int member = open_member(&sibling, 0, -1, leader, 0);
    REQUIRE(member >= 0);
    for (int i = 0; i < 3; i++)
        store8(&v[i], 1);
    CHECK_EQ(read(leader, words, sizeof words), 0);
    CHECK_EQ(bp_end(single), 1);
    CHECK_EQ(read(leader, words, sizeof words), 0);
    CHECK_EQ(ioctl(leader, PERF_EVENT_IOC_ENABLE, 0), 0);
    for (int i = 0; i < 3; i++)
        store8(&v[i], 1);
    CHECK_EQ(read(leader, words, sizeof words), 24);
    CHECK(words[0] == 2 && words[1] == 1 && words[2] == 1);
    close(leader);
    close(member);
}

// ---- modification as tools use it ----

static __attribute__((noinline, noclone)) void target(void)
{
    __asm__ volatile("" ::: "memory");
}

// Four breakpoints of a CPU take all registers. The first one becomes an execute breakpoint.
UTEST_SEVERAL(modify_type, "modify-type-when-full")
{
    struct perf_event_attr w = bp_attr(HW_BREAKPOINT_W, &v[0], 8);
    struct perf_event_attr x = bp_attr(HW_BREAKPOINT_X, (void *)(uintptr_t)&target, sizeof(long));
    int fd[BP_REGISTERS];

    pin_to_cpu(0);
    for (int i = 0; i < BP_REGISTERS; i++)
        REQUIRE((fd[i] = bp_open_attr(&w, -1, 0)) >= 0);
    CHECK_ERRNO(bp_open_attr(&w, -1, 0), ENOSPC);
    CHECK_ERRNO(bp_open_attr(&x, -1, 0), ENOSPC); // both types share the registers
    CHECK_EQ(ioctl(fd[0], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &w), 0);
    store8(&v[0], 1);
    CHECK_EQ(bp_read(fd[0]), 1);
    CHECK_EQ(ioctl(fd[0], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &x), 0);
    store8(&v[0], 1);
    for (int i = 0; i < 5; i++)
        target();
    CHECK_EQ(bp_read(fd[0]), 6);
    CHECK_EQ(bp_read(fd[1]), 2);
    x.bp_len = 4; // not a length of an execute breakpoint
    CHECK_ERRNO(ioctl(fd[0], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &x), EINVAL);
    w.bp_type = HW_BREAKPOINT_R;
    CHECK_ERRNO(ioctl(fd[1], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &w), EINVAL);
    CHECK_ERRNO(ioctl(fd[1], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, bad_pointer()), EFAULT);
    target();
    store8(&v[0], 1);
    CHECK_EQ(bp_end(fd[0]), 7); // a bad request changes nothing
    for (int i = 1; i < BP_REGISTERS; i++)
        CHECK_EQ(bp_end(fd[i]), 3);
}
