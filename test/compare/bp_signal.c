// Breakpoints that send signals, one of them on the handler of another's signal. When the handler
// returns, the instruction that was stopped at runs once: RF is set in the signal's frame. The
// handler's own first instruction is not skipped: the handler begins without RF.
#define _GNU_SOURCE
#include "user/bp.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#define TOO_MANY 10 // signals: something goes round in circles

static volatile uint64_t watched;
static volatile int io, usr1;
static int fds[3];

extern const char increment[]; // the instruction

static void bump(volatile uint64_t *at)
{
    __asm__ volatile(".globl increment\nincrement: incq (%0)" ::"D"(at) : "memory");
}

static void give_up(int count)
{
    for (int i = 0; count > TOO_MANY && i < 3; i++)
        ioctl(fds[i], PERF_EVENT_IOC_DISABLE, 0);
}

static void on_io(int)
{
    give_up(++io);
}

static void on_usr1(int)
{
    give_up(++usr1);
}

static int open_with_signal(uint32_t type, const volatile void *at, int sig)
{
    struct perf_event_attr attr = bp_attr(type, at, sizeof(long));

    attr.pinned = 0;
    attr.disabled = 1;
    attr.sample_period = 1;
    attr.sample_type = PERF_SAMPLE_IP;
    attr.wakeup_events = 1;
    int fd = bp_open_attr(&attr, 0, -1);
    struct f_owner_ex self = {F_OWNER_TID, (pid_t)syscall(SYS_gettid)};
    if (fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC) || fcntl(fd, F_SETSIG, sig) ||
        fcntl(fd, F_SETOWN_EX, &self))
        perror("fcntl");
    ioctl(fd, PERF_EVENT_IOC_RESET, 0);
    return fd;
}

int main(void)
{
    struct sigaction sa = {.sa_handler = on_io};

    sigaction(SIGIO, &sa, NULL);
    sa.sa_handler = on_usr1;
    sigaction(SIGUSR1, &sa, NULL);
    fds[0] = open_with_signal(HW_BREAKPOINT_X, increment, SIGIO);
    fds[1] = open_with_signal(HW_BREAKPOINT_X, (const volatile void *)on_io, SIGUSR1);
    fds[2] = open_with_signal(HW_BREAKPOINT_W, &watched, SIGIO);
    for (int i = 0; i < 3; i++)
        printf("enable: %d\n", ioctl(fds[i], PERF_EVENT_IOC_ENABLE, 0));
    bump(&watched);
    watched = 7;
    for (int i = 0; i < 3; i++)
        printf("disable: %d\n", ioctl(fds[i], PERF_EVENT_IOC_DISABLE, 0));
    printf("counts %lld %lld %lld, signals %d %d\n", (long long)bp_read(fds[0]),
           (long long)bp_read(fds[1]), (long long)bp_read(fds[2]), io, usr1);
    return 0;
}
