// Descriptors of perf events. The file owns the event: the last close of the file ends the event.
#include "linux/perf/perf.h"
#include "linux/fs/async.h"
#include "linux/task/process.h"
#include "linux/perf/ring.h"
#include "linux/perf/upcalls.h"
#include "linux/perf/wakeup.h"

static ssize_t perf_read(struct file *f, u64 ubuf, size_t n, u64 *)
{
    return perf_event_read_user(f->private, ubuf, n);
}

static s64 perf_ioctl(struct file *f, u32 cmd, u64 arg)
{
    return perf_event_ioctl(f->private, cmd, arg);
}

static u32 perf_poll(struct file *f)
{
    return perf_event_poll(f->private);
}

static struct vm_object *perf_map(struct file *f, u64 pages, u64 off, u32 prot, bool private)
{
    if (off || private)
        return ERR_PTR(-EINVAL);
    struct vm_object *o = perf_buffer_map(f->private, pages, prot & PROT_WRITE);
    if (!IS_ERR(o))
        f->weight = perf_event_size(f->private) + pages * PAGE_SIZE;
    return o;
}

static void perf_async(struct file *f, bool on)
{
    struct perf_event *event = f->private;
    __atomic_store_n(&event->output->file, on ? f : NULL, __ATOMIC_RELEASE);
}

static void perf_release(struct file *f)
{
    perf_event_release_kernel(f->private);
}

static const struct file_ops perf_ops = {
    .name = "anon_inode:[perf_event]",
    .read = perf_read,
    .ioctl = perf_ioctl,
    .poll = perf_poll,
    .map = perf_map,
    .async = perf_async,
    .release = perf_release,
};

int perf_fd_reserve(struct perf_new_fd *new, bool cloexec)
{
    new->fd = fd_reserve(current_process()->fds, cloexec, 0);
    if (new->fd < 0)
        return new->fd;
    new->file = file_new(&perf_ops, NULL, NULL, O_RDWR);
    if (!IS_ERR(new->file))
        return 0;
    fd_give_back(current_process()->fds, new->fd);
    return PTR_ERR(new->file);
}

int perf_fd_fill(const struct perf_new_fd *new, struct perf_event *event)
{
    struct file *f = new->file;
    f->private = event;
    f->weight = perf_event_size(event);
    fd_fill(current_process()->fds, new->fd, f);
    return new->fd;
}

void perf_fd_give_back(const struct perf_new_fd *new)
{
    file_free(new->file);
    fd_give_back(current_process()->fds, new->fd);
}

int perf_fd_get(int fd, struct perf_fd *out)
{
    struct file *f = fd_get(current_process()->fds, fd);
    if (!f)
        return -EBADF;
    if (f->ops != &perf_ops) {
        file_put(f);
        return -EBADF;
    }
    *out = (struct perf_fd){f->private, f};
    return 0;
}

bool perf_fd_is_open(int fd)
{
    struct file *f = fd_get(current_process()->fds, fd);
    file_put(f);
    return f;
}

void perf_fd_put(struct perf_fd *fd)
{
    file_put(fd->file);
}

void perf_fd_signal(struct file *f, bool hangup)
{
    file_signal(f, hangup);
}

void perf_fd_wake(void)
{
    wake_all(&file_events);
}
