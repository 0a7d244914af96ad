// What a program can do with the descriptor of an event: read(2) and ioctl(2).
#include "arch/x86/uaccess.h"
#include "kernel/base/errno.h"
#include "perf/event.h"

#define MAX_READ_WORDS 6

// The words of read(2) in the order of perf_event_open(2), "Reading results". An event without
// siblings is a group of one. Returns how many.
static int read_words(struct perf_event *event, u64 words[MAX_READ_WORDS])
{
    u64 format = event->attr.read_format, enabled, running;
    u64 count = perf_event_read_value(event, &enabled, &running);
    bool group = format & PERF_FORMAT_GROUP;
    int n = 0;
    words[n++] = group ? 1 : count;
    if (format & PERF_FORMAT_TOTAL_TIME_ENABLED)
        words[n++] = enabled;
    if (format & PERF_FORMAT_TOTAL_TIME_RUNNING)
        words[n++] = running;
    if (group)
        words[n++] = count;
    if (format & PERF_FORMAT_ID)
        words[n++] = event->id;
    if (format & PERF_FORMAT_LOST)
        words[n++] = 0; // records are lost only where there is a ring buffer
    return n;
}

ssize_t perf_event_read_user(struct perf_event *event, u64 ubuf, size_t n)
{
    u64 words[MAX_READ_WORDS];
    if (event->state == PERF_ERROR)
        return 0;
    size_t bytes = read_words(event, words) * sizeof(u64);
    if (n < bytes)
        return -ENOSPC;
    return copy_to_user(ubuf, words, bytes) ? -EFAULT : (ssize_t)bytes;
}

s64 perf_event_ioctl(struct perf_event *event, u32 cmd, u64 arg)
{
    // PERF_IOC_FLAG_GROUP in arg asks for the whole group: here always the event alone.
    switch (cmd) {
    case PERF_EVENT_IOC_ENABLE:
        perf_event_enable(event);
        return 0;
    case PERF_EVENT_IOC_DISABLE:
        perf_event_disable(event);
        return 0;
    case PERF_EVENT_IOC_RESET:
        perf_event_reset(event);
        return 0;
    case PERF_EVENT_IOC_ID:
        return put_user(event->id, arg) ? -EFAULT : 0;
    default:
        return -ENOTTY;
    }
}
