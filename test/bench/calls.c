// System calls and breakpoint hits of one task.
#include "test/bench/bench.h"

#include <signal.h>
#include <sys/ioctl.h>

static int fd;

static void null_call(int n)
{
    while (n--)
        call3(SYS_getppid, 0, 0, 0);
}

static void hits(int n)
{
    while (n--)
        words[0] = 1;
}

static void reads(int n)
{
    uint64_t count;

    while (n--)
        call3(SYS_read, fd, (long)&count, sizeof count);
}

static void disable_enable(int n)
{
    while (n--) {
        call3(SYS_ioctl, fd, PERF_EVENT_IOC_DISABLE, 0);
        call3(SYS_ioctl, fd, PERF_EVENT_IOC_ENABLE, 0);
    }
}

static void modify(int n)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, NULL, 8);

    while (n--) {
        attr.bp_addr = (uintptr_t)&words[n & 1];
        call3(SYS_ioctl, fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, (long)&attr);
    }
}

static void open_close(int n)
{
    while (n--)
        close(bp_open(HW_BREAKPOINT_W, &words[0], 8));
}

static volatile sig_atomic_t traps;

static void on_trap(int)
{
    traps = traps + 1;
}

static void signalled_hits(void)
{
    struct sigaction sa = {.sa_handler = on_trap};
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &words[0], 8);

    need(sigaction(SIGTRAP, &sa, NULL) == 0, "sigaction");
    attr.sample_period = 1;
    attr.sigtrap = 1;
    attr.remove_on_exec = 1;
    fd = bp_open_attr(&attr, 0, -1);
    need(fd >= 0, "an event with a signal");
    measure("hit-signal", hits, 50);
    need(traps == 50 * (BATCHES + 1), "a signal for each hit");
    close(fd);
}

void bench_calls(void)
{
    measure("null-call", null_call, 1000);
    fd = bp_open(HW_BREAKPOINT_W, &words[0], 8);
    need(fd >= 0, "a breakpoint");
    measure("hit", hits, 200);
    need(bp_read(fd) == 200 * (BATCHES + 1), "each hit counted");
    measure("read", reads, 200);
    measure("disable-enable", disable_enable, 100);
    measure("modify", modify, 100);
    close(fd);
    measure("open-close", open_close, 50);
    signalled_hits();
}
