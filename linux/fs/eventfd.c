// eventfd(2): a counter as a file. A write adds to the counter. A read takes the whole count, or 1
// with EFD_SEMAPHORE. It waits while the count is zero.
#include "arch/x86/uaccess.h"
#include "kernel/mm/heap.h"
#include "linux/fs/syscalls.h"
#include "linux/task/process.h"

#define EFD_SEMAPHORE 1
#define COUNT_MAX     (UINT64_MAX - 1)

struct counter {
    struct wait_queue queue;
    u64 value; // atomic
    bool one;  // EFD_SEMAPHORE
};

static u64 value_of(const struct counter *c)
{
    return __atomic_load_n(&c->value, __ATOMIC_ACQUIRE);
}

// Takes what a read gets now. 0: nothing.
static u64 take(struct counter *c)
{
    u64 now = value_of(c), part;
    do
        part = c->one ? MIN(now, 1u) : now;
    while (part && !__atomic_compare_exchange_n(&c->value, &now, now - part, false,
                                                __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    return part;
}

static bool add(struct counter *c, u64 n)
{
    u64 now = value_of(c);
    while (n <= COUNT_MAX - now)
        if (__atomic_compare_exchange_n(&c->value, &now, now + n, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            return true;
    return false;
}

static void changed(struct counter *c)
{
    wake_all(&c->queue);
    wake_all(&file_events);
}

static ssize_t event_read(struct file *f, u64 ubuf, size_t n, u64 *)
{
    struct counter *c = f->private;
    u64 got = 0;
    if (n < sizeof(got))
        return -EINVAL;
    while (!(got = take(c))) {
        if (f->flags & O_NONBLOCK)
            return -EAGAIN;
        if (wait_event_interruptible(&c->queue, value_of(c)))
            return -ERESTARTSYS;
    }
    changed(c);
    return put_user(got, ubuf) ? -EFAULT : (ssize_t)sizeof(got); // as on Linux, it is taken
}

static ssize_t event_write(struct file *f, u64 ubuf, size_t n, u64 *)
{
    struct counter *c = f->private;
    u64 more;
    if (n < sizeof(more))
        return -EINVAL;
    if (get_user(more, ubuf))
        return -EFAULT;
    if (more == UINT64_MAX)
        return -EINVAL;
    while (!add(c, more)) {
        if (f->flags & O_NONBLOCK)
            return -EAGAIN;
        if (wait_event_interruptible(&c->queue, more <= COUNT_MAX - value_of(c)))
            return -ERESTARTSYS;
    }
    changed(c);
    return sizeof(more);
}

static u32 event_poll(struct file *f)
{
    u64 value = value_of(f->private);
    return (value ? POLLIN : 0) | (value < COUNT_MAX ? POLLOUT : 0);
}

static void event_release(struct file *f)
{
    kfree(f->private);
}

s64 sys_eventfd2(u32 value, u32 flags)
{
    static const struct file_ops ops = {
        .name = "anon_inode:[eventfd]",
        .seek = SEEKS_NOWHERE,
        .read = event_read,
        .write = event_write,
        .poll = event_poll,
        .release = event_release,
    };
    if (flags & ~(u32)(EFD_SEMAPHORE | O_NONBLOCK | O_CLOEXEC))
        return -EINVAL;
    struct counter *c = kalloc(sizeof(*c));
    if (!c)
        return -ENOMEM;
    wait_init(&c->queue);
    c->value = value;
    c->one = flags & EFD_SEMAPHORE;
    struct file *f = file_new(&ops, NULL, c, O_RDWR | (flags & O_NONBLOCK));
    if (!IS_ERR(f))
        return fd_install(current_process()->fds, f, flags & O_CLOEXEC, 0);
    kfree(c);
    return PTR_ERR(f);
}
