// How many breakpoints a CPU takes, whether watchpoints and execution share its registers, and that
// a type can be changed when none is free.
#include "user/bp.h"
#include <errno.h>
#include <stdio.h>

#define MANY 16

static volatile uint64_t watched;

static void executed(void)
{
}

static struct perf_event_attr attr_of(uint32_t type)
{
    const volatile void *at = type == HW_BREAKPOINT_X ? (const volatile void *)executed : &watched;
    struct perf_event_attr attr = bp_attr(type, at, sizeof(long));

    attr.pinned = 0;
    return attr;
}

static int open_on_cpu0(uint32_t type)
{
    struct perf_event_attr attr = attr_of(type);

    return bp_open_attr(&attr, -1, 0);
}

// Opens until one is refused; how many there are, and why not more.
static int fill(uint32_t type, int *fds)
{
    int n = 0;

    while (n < MANY && (fds[n] = open_on_cpu0(type)) >= 0)
        n++;
    printf("type %u: %d, then %s\n", type, n, n < MANY ? strerror(errno) : "no end");
    return n;
}

static void drop(int *fds, int n)
{
    while (n > 0)
        close(fds[--n]);
}

int main(void)
{
    static const uint32_t types[] = {HW_BREAKPOINT_W, HW_BREAKPOINT_RW, HW_BREAKPOINT_X};
    struct perf_event_attr attr;
    int fds[MANY];

    for (int i = 0; i < 3; i++)
        drop(fds, fill(types[i], fds));

    int n = fill(HW_BREAKPOINT_W, fds), shared = open_on_cpu0(HW_BREAKPOINT_X);
    printf("execution beside them: %s\n", shared < 0 ? strerror(errno) : "ok");
    attr = attr_of(HW_BREAKPOINT_X);
    printf("the first becomes execution: %d\n",
           ioctl(fds[0], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
    attr = attr_of(HW_BREAKPOINT_W);
    printf("and a watchpoint again: %d\n", ioctl(fds[0], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
    attr.bp_len = 3;
    printf("a length that does not exist: %d",
           ioctl(fds[0], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
    printf(" %s\n", strerror(errno));
    printf("one more: %d\n", open_on_cpu0(HW_BREAKPOINT_W) < 0 ? -errno : 0);
    close(fds[1]);
    fds[1] = open_on_cpu0(HW_BREAKPOINT_X);
    printf("after one is closed: %s\n", fds[1] < 0 ? strerror(errno) : "ok");
    drop(fds, n);
    return 0;
}
