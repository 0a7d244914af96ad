// A breakpoint with a period: every hundredth call sends a signal, all are counted.
#define _GNU_SOURCE
#include "user/bp.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#define CALLS  10000
#define PERIOD 100

static volatile int signals;

static void on_io(int)
{
    signals++;
}

__attribute__((noinline)) static int called(int value)
{
    __asm__ volatile("" : "+r"(value));
    return value + 1;
}

int main(void)
{
    struct sigaction sa = {.sa_handler = on_io};
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_X, (const volatile void *)called, 8);
    int sum = 0;

    sigaction(SIGIO, &sa, NULL);
    attr.pinned = 0;
    attr.disabled = 1;
    attr.sample_period = PERIOD;
    attr.sample_type = PERF_SAMPLE_IP;
    attr.wakeup_events = 1;
    int fd = bp_open_attr(&attr, 0, -1);
    if (fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC) || fcntl(fd, F_SETSIG, SIGIO) ||
        fcntl(fd, F_SETOWN, getpid()))
        perror("fcntl");
    ioctl(fd, PERF_EVENT_IOC_RESET, 0);
    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
    for (int i = 0; i < CALLS; i++)
        sum = called(sum);
    ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
    printf("calls %d, counted %lld, signals %d\n", sum, (long long)bp_read(fd), signals);
    return 0;
}
