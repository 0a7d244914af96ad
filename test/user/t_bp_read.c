// The descriptor of a breakpoint: ioctl(2), all read formats, the two times.
#include "test/user/bp_test.h"

static volatile uint64_t v;

static void hit(int times)
{
    for (int i = 0; i < times; i++)
        store8(&v, (uint64_t)i);
}

UTEST_HWBP(bp_ioctl, "bp-ioctl")
{
    int fd = bp_must(HW_BREAKPOINT_W, &v, 8);

    hit(3);
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_DISABLE, 0), 0);
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_DISABLE, 0), 0); // a second disable changes nothing
    hit(5);
    CHECK_EQ(bp_read(fd), 3);
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0), 0);
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP), 0);
    hit(2);
    CHECK_EQ(bp_read(fd), 5);
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_RESET, 0), 0);
    CHECK_EQ(bp_read(fd), 0);
    hit(1);
    CHECK_EQ(bp_read(fd), 1);
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP), 0);
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_RESET, 0), 0); // while disabled
    hit(1);
    CHECK_EQ(bp_end(fd), 0);
}

UTEST_HWBP(bp_disabled, "bp-disabled")
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &v, 8);

    attr.disabled = 1;
    attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    int fd = bp_open_attr(&attr, 0, -1);
    uint64_t words[3];
    hit(4);
    CHECK_EQ(read(fd, words, sizeof words), sizeof words);
    CHECK_EQ(words[0], 0);
    CHECK_EQ(words[1], 0);
    CHECK_EQ(words[2], 0);
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0), 0);
    hit(4);
    CHECK_EQ(read(fd, words, sizeof words), sizeof words);
    CHECK_EQ(words[0], 4);
    CHECK(words[1] > 0);
    close(fd);
}

UTEST_HWBP(bp_formats, "bp-read-formats")
{
    uint64_t ids[32];

    for (unsigned format = 0; format < 32; format++) {
        struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &v, 8);
        uint64_t words[8] = {0}, id = 0, value;
        size_t n = 0, want = 1;
        attr.read_format = format;
        int fd = MUST_OPEN(&attr, 0, -1);
        CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_ID, &id), 0);
        CHECK(id != 0);
        hit((int)format);
        want += (size_t)__builtin_popcount(format);
        CHECK_EQ(read(fd, words, sizeof words), want * 8);
        CHECK_ERRNO(read(fd, words, want * 8 - 1), ENOSPC);
        CHECK_EQ(read(fd, words, want * 8), want * 8);
        value = words[n++];
        if (format & PERF_FORMAT_GROUP)
            CHECK_EQ(value, 1); // events in the group
        uint64_t enabled = format & PERF_FORMAT_TOTAL_TIME_ENABLED ? words[n++] : UINT64_MAX;
        uint64_t running = format & PERF_FORMAT_TOTAL_TIME_RUNNING ? words[n++] : 1;
        CHECK(running > 0 && enabled >= running);
        if (format & PERF_FORMAT_GROUP)
            value = words[n++];
        CHECK_EQ(value, format);
        if (format & PERF_FORMAT_ID)
            CHECK_EQ(words[n++], id);
        if (format & 16) // PERF_FORMAT_LOST
            CHECK_EQ(words[n++], 0);
        CHECK_EQ(n, want);
        ids[format] = id;
        for (unsigned i = 0; i < format; i++)
            CHECK(ids[i] != id);
        close(fd);
    }
}

static void spin_ms(uint64_t ms)
{
    uint64_t end = now_ns() + ms * 1000000;

    while (now_ns() < end)
        continue;
}

// A pinned event that never loses its register runs for all the time that it is enabled. The times
// of a task's event stand still while the task sleeps, or the event is disabled.
UTEST_HWBP(bp_times, "bp-times")
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &v, 8);
    struct {
        uint64_t count, enabled, running;
    } a, b;

    attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    int fd = MUST_OPEN(&attr, 0, -1);
    uint64_t start = now_ns();
    CHECK_EQ(read(fd, &a, sizeof a), sizeof a);
    spin_ms(30);
    CHECK_EQ(read(fd, &b, sizeof b), sizeof b);
    CHECK(b.enabled > a.enabled);
    CHECK_EQ(b.enabled, b.running);
    CHECK(b.enabled - a.enabled <= now_ns() - start);

    CHECK_EQ(read(fd, &a, sizeof a), sizeof a);
    sleep_ms(300);
    CHECK_EQ(read(fd, &b, sizeof b), sizeof b);
    CHECK(b.enabled - a.enabled < 200000000);

    ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
    CHECK_EQ(read(fd, &a, sizeof a), sizeof a);
    spin_ms(20);
    CHECK_EQ(read(fd, &b, sizeof b), sizeof b);
    CHECK_EQ(b.enabled, a.enabled);
    CHECK_EQ(b.running, a.running);
    close(fd);
}
