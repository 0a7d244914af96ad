// What a program can do with the descriptor of an event: read(2) and ioctl(2).
#include "hwbp/hwbp.h"
#include "linux/perf/perf.h"
#include "arch/x86/uaccess.h"
#include "kernel/base/string.h"
#include "linux/perf/ring.h"
#include "linux/perf/sample.h"
#include "linux/perf/upcalls.h"
#include "linux/perf/wakeup.h"
#include "linux/perf/words.h"

// ---- read: the words of perf_event_open(2), "Reading results" ----

#define HEAD_WORDS   3 // nr, enabled, running
#define MEMBER_WORDS 3 // value, id, lost

static u64 count_of(struct perf_event *event)
{
    return perf_read_locked(event, NULL);
}

static void put_values(struct words *w, struct perf_event *event)
{
    const u64 with_times = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    struct perf_times times;
    bool wanted = event->attr.read_format & with_times;
    u64 count = perf_read_locked(perf_read_first(event), wanted ? &times : NULL);
    perf_put_values(w, event, count, &times, count_of);
}

ssize_t perf_event_read_user(struct perf_event *event, u64 ubuf, size_t size)
{
    u64 words[HEAD_WORDS + MEMBER_WORDS * PERF_SAMPLE_GROUP_MAX];
    struct words w = WORDS_IN(words);
    if (event->state == PERF_ERROR)
        return 0;
    mutex_lock(&perf_mutex);
    put_values(&w, event);
    perf_buffer_update(event);
    mutex_unlock(&perf_mutex);
    if (size < words_bytes(&w))
        return -ENOSPC;
    return copy_to_user(ubuf, words, words_bytes(&w)) ? -EFAULT : (ssize_t)words_bytes(&w);
}

// ---- ioctl ----

// The ioctls that are called often are quick without a stack frame. So ioctls that need a frame
// have functions of their own.
static s64 apply(struct perf_event *event, u64 arg, perf_change_fn *fn)
{
    if (arg & PERF_IOC_FLAG_GROUP)
        perf_group_run(event, fn, NULL);
    else
        perf_family_run(event, fn, NULL);
    return 0;
}

// True if both attrs are equal but for the parts that MODIFY_ATTRIBUTES may change. These are
// address, type and length, `disabled`, and the signal's data.
static bool rest_is_equal(const struct perf_event_attr *a, const struct perf_event_attr *b)
{
    struct perf_event_attr x = *a;
    x.bp_addr = b->bp_addr;
    x.bp_type = b->bp_type;
    x.bp_len = b->bp_len;
    x.disabled = b->disabled;
    x.sig_data = b->sig_data;
    return memcmp(&x, b, sizeof(x)) == 0;
}

static void modify_here(struct perf_event *event, void *arg)
{
    const struct perf_event_attr *attr = arg;
    hwbp_apply(event, arg);
    event->attr.sig_data = attr->sig_data;
    if (attr->disabled)
        perf_set_disabled(event, NULL);
    else
        perf_set_enabled(event, NULL);
}

static void set_period(struct perf_event *event, void *arg)
{
    perf_sample_set_period(event, *(u64 *)arg);
}

static __attribute__((noinline)) s64 period(struct perf_event *event, u64 uvalue)
{
    u64 value;
    if (get_user(value, uvalue))
        return -EFAULT;
    if (!value || !event->attr.sample_period ||
        (event->attr.freq ? value > perf_max_sample_rate() : value >> 63))
        return -EINVAL;
    perf_family_run(event, set_period, &value);
    return 0;
}

// "No buffer" is -1 in all 64 bits, as on Linux.
static __attribute__((noinline)) s64 set_output(struct perf_event *event, s64 fd)
{
    struct perf_fd to;
    if (fd == -1)
        return perf_buffer_redirect(event, NULL);
    if (perf_fd_get((int)fd, &to))
        return -EBADF;
    int err = perf_buffer_redirect(event, to.event);
    perf_fd_put(&to);
    return err;
}

static s64 modify(struct perf_event *event, u64 uattr)
{
    struct perf_event_attr attr;
    int err = perf_copy_attr(uattr, &attr);
    if (err)
        return err;
    if (attr.type != event->attr.type)
        return -EINVAL;
    if (attr.type != PERF_TYPE_BREAKPOINT) // on Linux clocks have another type once they are open
        return perf_is_clock(event) ? -EINVAL : -EOPNOTSUPP;
    err = hwbp_check(event, &attr);
    if (err)
        return err;
    if (!rest_is_equal(&event->attr, &attr))
        return -EINVAL;
    perf_family_run(event, modify_here, &attr);
    return 0;
}

static __attribute__((noinline)) s64 give_id(const struct perf_event *event, u64 uid)
{
    return put_user(event->id, uid) ? -EFAULT : 0;
}

// Events of these types cannot be filtered, so this only finds the right error.
static __attribute__((noinline)) s64 set_filter(u64 utext)
{
    u8 byte;
    return get_user(byte, utext) ? -EFAULT : -EINVAL;
}

s64 perf_event_ioctl(struct perf_event *event, u32 cmd, u64 arg)
{
    switch (cmd) {
    case PERF_EVENT_IOC_ENABLE:
        return apply(event, arg, perf_set_enabled);
    case PERF_EVENT_IOC_DISABLE:
        return apply(event, arg, perf_set_disabled);
    case PERF_EVENT_IOC_RESET:
        return apply(event, arg, perf_set_zero);
    case PERF_EVENT_IOC_REFRESH:
        return perf_event_refresh(event, (u32)arg);
    case PERF_EVENT_IOC_PERIOD:
        return period(event, arg);
    case PERF_EVENT_IOC_SET_OUTPUT:
        return set_output(event, (s64)arg);
    case PERF_EVENT_IOC_PAUSE_OUTPUT:
        return perf_buffer_pause(event, (u32)arg);
    case PERF_EVENT_IOC_ID:
        return give_id(event, arg);
    case PERF_EVENT_IOC_MODIFY_ATTRIBUTES:
        return modify(event, arg);
    // There are no BPF programs to attach.
    case PERF_EVENT_IOC_SET_FILTER:
        return set_filter(arg);
    case PERF_EVENT_IOC_SET_BPF:
        return perf_fd_is_open((int)arg) ? -EINVAL : -EBADF;
    case PERF_EVENT_IOC_QUERY_BPF:
        return -EINVAL;
    default:
        return -ENOTTY;
    }
}
