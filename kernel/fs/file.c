// Open files: their life, and what all kinds of them share.
#include "kernel/fs/file.h"

#include "kernel/fs/stat.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/heap.h"

struct wait_queue file_events;

struct file *file_new(const struct file_ops *ops, void *private, u32 flags)
{
    struct file *f = kalloc(sizeof(*f));
    if (!f)
        return NULL;
    ref_init(&f->refs);
    mutex_init(&f->pos_lock);
    f->ops = ops;
    f->private = private;
    f->flags = flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC);
    return f;
}

void file_get(struct file *f)
{
    ref_get(&f->refs);
}

void file_put(struct file *f)
{
    if (!ref_put(&f->refs))
        return;
    if (f->ops->release)
        f->ops->release(f);
    kfree(f);
}

u32 file_poll(struct file *f)
{
    u32 ready = f->ops->poll ? f->ops->poll(f) : POLLIN | POLLOUT;
    if ((f->flags & O_ACCMODE) == O_WRONLY)
        ready &= ~POLLIN;
    if ((f->flags & O_ACCMODE) == O_RDONLY)
        ready &= ~POLLOUT;
    return ready;
}

s64 file_seek(struct file *f, s64 off, int whence, u64 size)
{
    s64 base;
    switch (whence) {
    case SEEK_SET:
        base = 0;
        break;
    case SEEK_CUR:
        base = (s64)f->pos;
        break;
    case SEEK_END:
        base = (s64)size;
        break;
    default:
        return -EINVAL;
    }
    if (__builtin_add_overflow(base, off, &base))
        return -EOVERFLOW;
    if (base < 0)
        return -EINVAL;
    f->pos = (u64)base;
    return base;
}
