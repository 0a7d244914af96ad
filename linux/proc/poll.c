// poll(2), select(2) and their kin: wait until one of some files is ready.
#include "arch/x86/uaccess.h"
#include "kernel/mm/heap.h"
#include "linux/fs/file.h"
#include "linux/proc/signals.h"
#include "linux/proc/syscalls.h"
#include "linux/proc/timeout.h"

static int check(struct fd_table *fds, struct pollfd *list, u32 n)
{
    int ready = 0;
    for (struct pollfd *p = list; p < list + n; p++) {
        p->revents = 0;
        if (p->fd < 0)
            continue;
        struct file *f = fd_get(fds, p->fd);
        p->revents = f ? file_poll(f) & (p->events | POLLERR | POLLHUP) : POLLNVAL;
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
    return err || (!ready && sched_interrupted()) ? -ERESTARTNOHAND : ready;
}

// Only `revents` is written: other threads may change the rest meanwhile.
static bool put_revents(u64 ufds, const struct pollfd *list, u32 n)
{
    for (u32 i = 0; i < n; i++)
        if (put_user(list[i].revents, ufds + i * sizeof(*list) + offsetof(struct pollfd, revents)))
            return false;
    return true;
}

// 0 or more, or -ERESTARTNOHAND when a signal came.
static s64 poll(u64 ufds, u32 n, u64 until)
{
    if (n > fd_limit())
        return -EINVAL;
    struct pollfd *list = kalloc(n * sizeof(*list) + 1);
    if (!list)
        return -ENOMEM;
    s64 result = -EFAULT;
    if (!copy_from_user(list, ufds, n * sizeof(*list))) {
        result = wait_ready(list, n, until);
        if (result >= 0 && !put_revents(ufds, list, n))
            result = -EFAULT;
    }
    kfree(list);
    return result;
}

static s64 poll_until(const struct restart *r)
{
    s64 result = poll(r->arg[0], r->arg[1], r->until);
    return result == -ERESTARTNOHAND ? restart_later(r) : result;
}

s64 sys_poll(u64 ufds, u32 n, int timeout_ms)
{
    u64 until = timeout_ms < 0 ? NEVER : 0;
    if (timeout_ms > 0)
        until = clock_ns() + (u64)timeout_ms * NS_PER_MSEC;
    return poll_until(&(struct restart){poll_until, until, {ufds, n}});
}

// The beginning of the two calls that have a time and a mask.
static int begin(u64 *until, u64 utimeout, u64 umask, u64 set_size)
{
    int err = get_deadline(until, utimeout);
    return err || !umask ? err : signal_begin_mask(umask, set_size);
}

// Puts the old mask back, at once or after the signal. Writes the time that is left to utimeout: a
// restart of the call uses it. If the time was zero, it is left alone.
static s64 finish(s64 result, u64 umask, u64 utimeout, u64 until)
{
    struct thread *th = current_thread();
    struct timespec rest = ns_timespec(time_left(until));
    if (umask && result != -ERESTARTNOHAND) {
        th->restore_mask = false;
        signal_set_blocked(th->saved_mask);
    }
    if (utimeout && until && put_user(rest, utimeout) && result == -ERESTARTNOHAND)
        return -EINTR;
    return result;
}

s64 sys_ppoll(u64 ufds, u32 n, u64 utimeout, u64 umask, u64 set_size)
{
    u64 until;
    int err = begin(&until, utimeout, umask, set_size);
    return err ? err : finish(poll(ufds, n, until), umask, utimeout, until);
}

// ---- select(2): the same question, asked in three sets of bits ----

#define SET_WORDS (MAX_FDS / 64)

// A descriptor stays in a set if one of these is true. poll() is asked for them.
static const int16_t set_events[3] = {POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, 0};

// Clears the descriptors that are not ready. Returns how many bits are left, or -EBADF.
static s64 keep_ready(u64 sets[3][SET_WORDS], const struct pollfd *list, u32 n)
{
    s64 ready = 0;
    for (u32 fd = 0; fd < n; fd++) {
        if (list[fd].revents & POLLNVAL)
            return -EBADF;
        for (int i = 0; i < 3; i++) {
            if (!fd_is_in(sets[i], fd))
                continue;
            if (list[fd].revents & set_events[i])
                ready++;
            else
                sets[i][fd / 64] &= ~BIT(fd % 64);
        }
    }
    return ready;
}

static s64 select_list(u64 sets[3][SET_WORDS], struct pollfd *list, u32 n, u64 until)
{
    for (u32 fd = 0; fd < n; fd++) {
        list[fd] = (struct pollfd){.fd = -1};
        for (int i = 0; i < 3; i++) {
            if (!fd_is_in(sets[i], fd))
                continue;
            list[fd].fd = fd;
            list[fd].events |= set_events[i];
        }
    }
    s64 result = wait_ready(list, n, until);
    return result < 0 ? result : keep_ready(sets, list, n);
}

// `usets`: the sets for reading, for writing, and for exceptions, which never come. 0: no set.
static s64 select(int n, const u64 usets[3], u64 until)
{
    u64 sets[3][SET_WORDS] = {0};
    if (n < 0)
        return -EINVAL;
    n = MIN(n, MAX_FDS);
    size_t bytes = ALIGN_UP(n, 64) / 8;
    for (int i = 0; i < 3; i++)
        if (usets[i] && copy_from_user(sets[i], usets[i], bytes))
            return -EFAULT;
    struct pollfd *list = kalloc(n * sizeof(*list) + 1);
    if (!list)
        return -ENOMEM;
    s64 result = select_list(sets, list, n, until);
    kfree(list);
    for (int i = 0; i < 3 && result >= 0; i++)
        if (usets[i] && copy_to_user(usets[i], sets[i], bytes))
            result = -EFAULT;
    return result;
}

s64 sys_select(int n, u64 uread, u64 uwrite, u64 uexcept, u64 utimeout)
{
    struct timeval tv;
    u64 until = NEVER;
    if (utimeout) {
        if (get_user(tv, utimeout))
            return -EFAULT;
        if (tv.sec < 0 || tv.usec < 0)
            return -EINVAL;
        u64 ns = timeval_ns(&tv);
        until = ns ? ns_add(clock_ns(), ns) : 0;
    }
    s64 result = select(n, (u64[]){uread, uwrite, uexcept}, until);
    tv = ns_timeval(time_left(until));
    if (utimeout && until && put_user(tv, utimeout) && result == -ERESTARTNOHAND)
        return -EINTR;
    return result;
}

s64 sys_pselect6(int n, u64 uread, u64 uwrite, u64 uexcept, u64 utimeout, u64 usigmask)
{
    u64 sigmask[2] = {0, 0}, until; // sigmask: the address of the mask, and its size
    if (usigmask && get_user(sigmask, usigmask))
        return -EFAULT;
    int err = begin(&until, utimeout, sigmask[0], sigmask[1]);
    return err ? err
               : finish(select(n, (u64[]){uread, uwrite, uexcept}, until), sigmask[0], utimeout,
                        until);
}
