// poll(2) and ppoll(2): waits until one of some files is ready.
#include "arch/x86/platform.h"
#include "arch/x86/uaccess.h"
#include "kernel/fs/file.h"
#include "kernel/mm/heap.h"
#include "kernel/proc/signal_state.h"
#include "kernel/proc/syscalls.h"
#include "kernel/proc/timeout.h"

struct pollfd {
    s32 fd;
    int16_t events, revents;
};

static int check(struct fd_table *fds, struct pollfd *list, u32 n)
{
    int ready = 0;
    for (struct pollfd *p = list; p < list + n; p++) {
        p->revents = 0;
        if (p->fd < 0)
            continue;
        struct file *f = fd_get(fds, p->fd);
        p->revents = f ? file_poll(f) & (p->events | POLLERR | POLLHUP) : POLLNVAL;
        if (f)
            file_put(f);
        ready += p->revents != 0;
    }
    return ready;
}

static s64 wait_ready(struct pollfd *list, u32 n, u64 until)
{
    struct fd_table *fds = current_process()->fds;
    struct timeout to;
    int ready;
    timeout_start(&to, until);
    int err =
        wait_event_interruptible(&file_events, (ready = check(fds, list, n)) != 0 || to.expired);
    timeout_stop(&to);
    return err ? -ERESTARTNOHAND : ready;
}

static s64 poll(u64 ufds, u32 n, u64 until)
{
    if (n > MAX_FDS)
        return -EINVAL;
    struct pollfd *list = kalloc(n * sizeof(*list) + 1);
    if (!list)
        return -ENOMEM;
    s64 result = -EFAULT;
    if (!copy_from_user(list, ufds, n * sizeof(*list))) {
        result = wait_ready(list, n, until);
        if (result >= 0 && copy_to_user(ufds, list, n * sizeof(*list)))
            result = -EFAULT;
    }
    kfree(list);
    return result;
}

s64 sys_poll(u64 ufds, u32 n, int timeout_ms)
{
    u64 until = NEVER;
    if (timeout_ms >= 0)
        until = clock_ns() + (u64)timeout_ms * NS_PER_MSEC;
    s64 result = poll(ufds, n, until);
    return result == -ERESTARTNOHAND && timeout_ms >= 0 ? -EINTR : result;
}

s64 sys_ppoll(u64 ufds, u32 n, u64 utimeout, u64 umask, u64 set_size)
{
    struct thread *th = current_thread();
    struct timespec ts;
    u64 until = NEVER, mask;
    if (utimeout) {
        if (get_user(ts, utimeout))
            return -EFAULT;
        if (!timespec_valid(&ts))
            return -EINVAL;
        until = ns_add(clock_ns(), timespec_ns(&ts));
    }
    if (umask) {
        if (set_size != sizeof(mask))
            return -EINVAL;
        if (get_user(mask, umask))
            return -EFAULT;
        th->saved_mask = th->blocked;
        th->restore_mask = true;
        signal_set_blocked(mask);
    }
    s64 result = poll(ufds, n, until);
    if (umask && result != -ERESTARTNOHAND) {
        th->restore_mask = false;
        signal_set_blocked(th->saved_mask);
    }
    return result == -ERESTARTNOHAND && utimeout ? -EINTR : result;
}
