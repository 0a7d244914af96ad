// Pipes: a ring of bytes, a reader's and a writer's file. Copies from and to programs may fault, so
// a mutex guards the ring, not a spinlock. Wake-ups come after every change of a pipe's state.
#include "kernel/fs/pipe.h"

#include "arch/x86/uaccess.h"
#include "kernel/base/string.h"
#include "kernel/fs/stat.h"
#include "kernel/mm/heap.h"

struct pipe {
    struct refcount refs;    // one for each end
    struct mutex lock;       // guards the rest
    struct wait_queue queue; // both sides
    u64 head, tail;          // bytes ever written and read; head - tail are in the ring
    bool reader, writer;     // that end is open
    u64 ino;
    u8 *ring;
};

static u64 last_ino;

#define FIONREAD 0x541bu
#define PIPE_DEV 12u // st_dev: any number that no other file has

static u64 pipe_used(const struct pipe *p)
{
    return __atomic_load_n(&p->head, __ATOMIC_ACQUIRE) -
           __atomic_load_n(&p->tail, __ATOMIC_ACQUIRE);
}

static u64 pipe_room(const struct pipe *p)
{
    return PIPE_SIZE - pipe_used(p);
}

static bool is_open(const bool *end)
{
    return __atomic_load_n(end, __ATOMIC_ACQUIRE);
}

static void pipe_changed(struct pipe *p)
{
    wake_all(&p->queue);
    wake_all(&file_events);
}

// Copies min(n, what is there) bytes out. Lock held. Bytes or -EFAULT.
static ssize_t take_out(struct pipe *p, u64 ubuf, size_t n)
{
    size_t done = 0;
    n = MIN(n, pipe_used(p));
    while (done < n) {
        size_t at = p->tail % PIPE_SIZE;
        size_t chunk = MIN(n - done, PIPE_SIZE - at);
        if (copy_to_user(ubuf + done, p->ring + at, chunk))
            return done ? (ssize_t)done : -EFAULT;
        __atomic_store_n(&p->tail, p->tail + chunk, __ATOMIC_RELEASE);
        done += chunk;
    }
    return done;
}

static ssize_t put_in(struct pipe *p, u64 ubuf, size_t n)
{
    size_t done = 0;
    n = MIN(n, pipe_room(p));
    while (done < n) {
        size_t at = p->head % PIPE_SIZE;
        size_t chunk = MIN(n - done, PIPE_SIZE - at);
        if (copy_from_user(p->ring + at, ubuf + done, chunk))
            return done ? (ssize_t)done : -EFAULT;
        __atomic_store_n(&p->head, p->head + chunk, __ATOMIC_RELEASE);
        done += chunk;
    }
    return done;
}

static ssize_t pipe_read(struct file *f, u64 ubuf, size_t n, u64 *)
{
    struct pipe *p = f->private;
    ssize_t got = 0;
    if (n == 0)
        return 0;
    for (;;) {
        bool writer;
        mutex_lock(&p->lock);
        writer = p->writer;
        got = take_out(p, ubuf, n);
        mutex_unlock(&p->lock);
        if (got)
            break;
        if (!writer)
            return 0;
        if (f->flags & O_NONBLOCK)
            return -EAGAIN;
        if (wait_event_interruptible(&p->queue, pipe_used(p) || !is_open(&p->writer)))
            return -ERESTARTSYS;
    }
    if (got > 0)
        pipe_changed(p);
    return got;
}

static ssize_t pipe_write(struct file *f, u64 ubuf, size_t n, u64 *)
{
    struct pipe *p = f->private;
    size_t whole = n <= PIPE_BUF ? n : 1; // room that must be there before a byte goes in
    size_t done = 0;
    while (done < n) {
        ssize_t put = 0;
        bool reader;
        mutex_lock(&p->lock);
        reader = p->reader;
        if (reader && pipe_room(p) >= whole)
            put = put_in(p, ubuf + done, n - done);
        mutex_unlock(&p->lock);
        if (!reader)
            return done ? (ssize_t)done : -EPIPE;
        if (put < 0)
            return done ? (ssize_t)done : put;
        done += put;
        if (put > 0) {
            pipe_changed(p);
            continue;
        }
        if (f->flags & O_NONBLOCK)
            return done ? (ssize_t)done : -EAGAIN;
        if (wait_event_interruptible(&p->queue, pipe_room(p) >= whole || !is_open(&p->reader)))
            return done ? (ssize_t)done : -ERESTARTSYS;
    }
    return done;
}

static s64 pipe_ioctl(struct file *f, u32 cmd, u64 arg)
{
    struct pipe *p = f->private;
    s32 n = (s32)pipe_used(p);
    return cmd == FIONREAD ? put_user(n, arg) : -ENOTTY;
}

static u32 pipe_poll_read(struct file *f)
{
    struct pipe *p = f->private;
    return (pipe_used(p) ? POLLIN : 0) | (is_open(&p->writer) ? 0 : POLLHUP);
}

static u32 pipe_poll_write(struct file *f)
{
    struct pipe *p = f->private;
    return (pipe_room(p) >= PIPE_BUF ? POLLOUT : 0) | (is_open(&p->reader) ? 0 : POLLERR);
}

static void pipe_stat(struct file *f, struct stat *st)
{
    struct pipe *p = f->private;
    memset(st, 0, sizeof(*st));
    st->st_dev = PIPE_DEV;
    st->st_ino = p->ino;
    st->st_nlink = 1;
    st->st_mode = S_IFIFO | 0600;
    st->st_blksize = PIPE_BUF;
}

static void pipe_end_closed(struct pipe *p, bool *end)
{
    mutex_lock(&p->lock);
    __atomic_store_n(end, false, __ATOMIC_RELEASE);
    mutex_unlock(&p->lock);
    pipe_changed(p);
    if (ref_put(&p->refs)) {
        kfree(p->ring);
        kfree(p);
    }
}

static void pipe_release_read(struct file *f)
{
    struct pipe *p = f->private;
    pipe_end_closed(p, &p->reader);
}

static void pipe_release_write(struct file *f)
{
    struct pipe *p = f->private;
    pipe_end_closed(p, &p->writer);
}

static const struct file_ops read_ops = {
    .read = pipe_read,
    .ioctl = pipe_ioctl,
    .poll = pipe_poll_read,
    .stat = pipe_stat,
    .release = pipe_release_read,
};

static const struct file_ops write_ops = {
    .write = pipe_write,
    .ioctl = pipe_ioctl,
    .poll = pipe_poll_write,
    .stat = pipe_stat,
    .release = pipe_release_write,
};

int pipe_new(struct file **reader, struct file **writer, u32 flags)
{
    struct pipe *p = kalloc(sizeof(*p));
    if (!p)
        return -ENOMEM;
    p->ring = kalloc(PIPE_SIZE);
    *reader = file_new(&read_ops, p, O_RDONLY | flags);
    *writer = file_new(&write_ops, p, O_WRONLY | flags);
    if (!p->ring || !*reader || !*writer) {
        kfree(*writer);
        kfree(*reader);
        kfree(p->ring);
        kfree(p);
        return -ENOMEM;
    }
    ref_init(&p->refs);
    ref_get(&p->refs);
    mutex_init(&p->lock);
    wait_init(&p->queue);
    p->reader = p->writer = true;
    p->ino = __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED);
    return 0;
}
