// Pipes: a ring of bytes between a reader's and a writer's file, which share a node. Copies from
// and to programs may fault, so a mutex guards the ring and not a spinlock. Every change of a
// pipe's state wakes both sides.
#include "linux/fs/pipe.h"

#include "arch/x86/uaccess.h"
#include "kernel/mm/heap.h"
#include "linux/base/limited.h"
#include "linux/fs/vfs.h"
#include "linux/task/process.h"

#include <asm/ioctls.h>

struct pipe {
    struct mutex lock;       // guards the rest
    struct wait_queue queue; // readers and writers
    u64 head, tail;          // bytes ever written, and ever read; head - tail are in the ring
    bool reader, writer;     // this end is open
    u8 *ring;
};

#define PIPE_PAGES (PIPE_SIZE / PAGE_SIZE)

u64 pipe_pages_max;
static u64 nr_pages; // of all pipes; atomic

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

// True if a read can give something: bytes, or the end of the file.
static bool can_read(const struct pipe *p)
{
    return pipe_used(p) || !is_open(&p->writer);
}

// True if a write that needs `room` bytes need not wait.
static bool can_write(const struct pipe *p, size_t room)
{
    return pipe_room(p) >= room || !is_open(&p->reader);
}

// Copies n bytes into the ring or out of it. The ring has room for them, or has them. Bytes, or
// -EFAULT. Lock held.
static inline ssize_t copy(struct pipe *p, bool in, u64 ubuf, size_t n)
{
    u64 *end = in ? &p->head : &p->tail;
    size_t done = 0;
    while (done < n) {
        size_t at = *end % PIPE_SIZE, chunk = MIN(n - done, PIPE_SIZE - at);
        if (in ? copy_from_user(p->ring + at, ubuf + done, chunk)
               : copy_to_user(ubuf + done, p->ring + at, chunk))
            return done ? (ssize_t)done : -EFAULT;
        __atomic_store_n(end, *end + chunk, __ATOMIC_RELEASE);
        done += chunk;
    }
    return done;
}

static ssize_t pipe_read(struct file *f, u64 ubuf, size_t n, u64 *)
{
    struct pipe *p = f->private;
    bool writer = true;
    ssize_t got = 0;
    while (n && !got && writer) {
        if ((f->flags & O_NONBLOCK) && !can_read(p))
            return -EAGAIN;
        if (wait_event_interruptible(&p->queue, can_read(p)))
            return -ERESTARTSYS;
        mutex_lock(&p->lock);
        u64 used = pipe_used(p);
        writer = p->writer;
        got = copy(p, false, ubuf, MIN(n, used));
        mutex_unlock(&p->lock);
    }
    if (got > 0)
        pipe_changed(p);
    return got;
}

static ssize_t pipe_write(struct file *f, u64 ubuf, size_t n, u64 *)
{
    struct pipe *p = f->private;
    size_t whole = n <= PIPE_BUF ? n : 1; // room that must be there before the first byte
    size_t done = 0;
    ssize_t put = 0;
    while (done < n && put >= 0 && !sched_killed()) {
        put = -EAGAIN;
        if ((f->flags & O_NONBLOCK) && !can_write(p, whole))
            break;
        put = -ERESTARTSYS;
        if (wait_event_interruptible(&p->queue, can_write(p, whole)))
            break;
        mutex_lock(&p->lock);
        u64 room = pipe_room(p);
        put = -EPIPE;
        if (p->reader)
            put = room >= whole ? copy(p, true, ubuf + done, MIN(n - done, room)) : 0;
        mutex_unlock(&p->lock);
        if (put > 0) {
            done += put;
            pipe_changed(p);
        }
    }
    if (put == -EPIPE)
        signal_refused(SIGPIPE);
    return done ? (ssize_t)done : put;
}

static s64 pipe_ioctl(struct file *f, u32 cmd, u64 arg)
{
    s32 n = (s32)pipe_used(f->private);
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

static void pipe_release(struct file *f)
{
    struct pipe *p = f->private;
    mutex_lock(&p->lock);
    __atomic_store_n(f->ops->read ? &p->reader : &p->writer, false, __ATOMIC_RELEASE);
    mutex_unlock(&p->lock);
    pipe_changed(p);
}

static void pipe_free(struct pipe *p, u8 *ring)
{
    kfree(ring);
    kfree(p);
    __atomic_fetch_sub(&nr_pages, PIPE_PAGES, __ATOMIC_RELAXED);
}

static void pipe_gone(struct node *n)
{
    struct pipe *p = (struct pipe *)n->arg;
    pipe_free(p, p->ring);
}

static const struct file_ops read_ops = {
    .read = pipe_read,
    .ioctl = pipe_ioctl,
    .poll = pipe_poll_read,
    .release = pipe_release,
};

static const struct file_ops write_ops = {
    .write = pipe_write,
    .ioctl = pipe_ioctl,
    .poll = pipe_poll_write,
    .release = pipe_release,
};

// Makes the node of a pipe without ends. The node is freed with its last reference. Or ERR_PTR.
static struct node *new_pipe(void)
{
    static const struct node_ops node_ops = {.release = pipe_gone};
    if (!count_up(&nr_pages, PIPE_PAGES, pipe_pages_max))
        return ERR_PTR(-ENFILE);
    struct node *n = node_new(NULL, "", 0, S_IFIFO | 0600, 0);
    struct pipe *p = kalloc(sizeof(*p));
    u8 *ring = kalloc(PIPE_SIZE);
    if (!n || !p || !ring) {
        pipe_free(p, ring);
        node_put(n);
        return ERR_PTR(-ENOMEM);
    }
    mutex_init(&p->lock, "pipe", RANK_PIPE);
    wait_init(&p->queue);
    p->ring = ring;
    p->reader = p->writer = true;
    n->ops = &node_ops;
    n->arg = (u64)p;
    return n;
}

int pipe_new(struct file *ends[2], u32 flags)
{
    struct node *n = new_pipe();
    if (IS_ERR(n))
        return PTR_ERR(n);
    void *p = (void *)n->arg;
    int err = 0;
    ends[0] = file_new(&read_ops, n, p, O_RDONLY | flags);
    ends[1] = file_new(&write_ops, n, p, O_WRONLY | flags);
    for (int i = 0; i < 2; i++)
        err = IS_ERR(ends[i]) ? PTR_ERR(ends[i]) : err;
    for (int i = 0; i < 2; i++) {
        if (!err)
            ends[i]->weight = PIPE_SIZE / 2;
        else if (!IS_ERR(ends[i]))
            file_put(ends[i]);
    }
    node_put(n); // the files have references of their own
    return err;
}
