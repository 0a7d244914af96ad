// Watchpoints by type and length, one at a time, and one that is modified while it counts.
#include "user/bp.h"
#include <errno.h>
#include <stdio.h>

static volatile uint64_t wide;
static volatile struct {
    uint64_t align;
    uint8_t bytes[3];
} small;

static int open_watch(uint32_t type, const volatile void *addr, uint64_t len)
{
    struct perf_event_attr attr = bp_attr(type, addr, len);

    attr.sample_period = 1;
    attr.sample_type = PERF_SAMPLE_IP;
    attr.pinned = 0;
    int fd = bp_open_attr(&attr, 0, -1);
    printf("open type %u len %d: %s\n", type, (int)len, fd < 0 ? strerror(errno) : "ok");
    return fd;
}

static void show(const char *what, int fd)
{
    printf("  %-16s %lld\n", what, (long long)bp_read(fd));
}

static void read_and_write(uint32_t type)
{
    int fd = open_watch(type, &wide, sizeof wide);

    if (fd < 0)
        return;
    uint64_t value = wide;
    show("after a read", fd);
    wide = value + 1;
    show("after a write", fd);
    *(volatile uint8_t *)((uintptr_t)&wide + 7) = 1;
    show("its last byte", fd);
    close(fd);
}

static void modify(void)
{
    int fd = open_watch(HW_BREAKPOINT_W, &wide, sizeof wide);

    wide = 1;
    show("before", fd);
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &small.bytes[0], 2);
    attr.sample_period = 1;
    attr.sample_type = PERF_SAMPLE_IP;
    attr.pinned = 0;
    attr.disabled = 1;
    printf("  modify: %d\n", ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
    small.bytes[1] = 1;
    show("while disabled", fd);
    printf("  enable: %d\n", ioctl(fd, PERF_EVENT_IOC_ENABLE, 0));
    small.bytes[1] = 2;
    show("second byte", fd);
    small.bytes[2] = 3;
    show("after it", fd);
    wide = 2;
    show("the old place", fd);
    close(fd);
}

int main(void)
{
    read_and_write(HW_BREAKPOINT_R);
    read_and_write(HW_BREAKPOINT_W);
    read_and_write(HW_BREAKPOINT_RW);
    modify();
    return 0;
}
