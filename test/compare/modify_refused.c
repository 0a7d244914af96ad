// A breakpoint that was switched on or off after it was opened, and then a modification of it that
// is refused: is it on or off now?
#include "user/bp.h"
#include <errno.h>
#include <stdio.h>

static volatile long watched;

static void refused(int opened_off)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &watched, sizeof watched);

    attr.disabled = opened_off;
    int fd = bp_open_attr(&attr, 0, -1);
    ioctl(fd, opened_off ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
    attr.bp_len = 3;
    int result = ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr);
    watched = 1;
    printf("opened %s, switched %s, modify %s, counts %lld\n", opened_off ? "off" : "on",
           opened_off ? "on" : "off", result < 0 && errno == EINVAL ? "refused" : "answers",
           (long long)bp_read(fd));
    close(fd);
}

int main(void)
{
    refused(0);
    refused(1);
    return 0;
}
