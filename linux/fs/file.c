// Open files and the small numbers that name them. A table's lock is never held while a file is
// released, since a release may sleep.
#include "linux/fs/file.h"

#include "kernel/mm/heap.h"
#include "linux/fs/vfs.h"

struct wait_queue file_events;

struct file *file_new(const struct file_ops *ops, struct node *n, void *private, u32 flags)
{
    struct file *f = kalloc(sizeof(*f));
    if (!f)
        return NULL;
    ref_init(&f->refs);
    if (ops->seek)
        mutex_init(&f->pos_lock, "file position", RANK_POSITION);
    f->ops = ops;
    f->node = n;
    f->private = private;
    f->flags = flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC);
    if (n)
        node_get(n);
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
    if (f->node)
        node_put(f->node);
    kfree(f);
}

u32 file_poll(struct file *f)
{
    u32 ready = f->ops->poll ? f->ops->poll(f) : POLLIN | POLLOUT;
    if ((f->flags & O_ACCMODE) == O_WRONLY)
        ready &= ~POLLIN;
    if ((f->flags & O_ACCMODE) == O_RDONLY)
        ready &= ~POLLOUT;
    return ready | (ready & POLLIN ? POLLRDNORM : 0) | (ready & POLLOUT ? POLLWRNORM : 0);
}

// ---- descriptor tables ----

struct fd_table *fds_new(void)
{
    struct fd_table *t = kalloc(sizeof(*t));
    if (!t)
        return NULL;
    ref_init(&t->refs);
    spin_init(&t->lock, "descriptor table", RANK_FILES);
    return t;
}

struct fd_table *fds_copy(struct fd_table *t)
{
    struct fd_table *copy = fds_new();
    if (!copy)
        return NULL;
    spin_lock(&t->lock);
    for (int fd = 0; fd < MAX_FDS; fd++) {
        if (!t->file[fd])
            continue;
        file_get(t->file[fd]);
        copy->file[fd] = t->file[fd];
        copy->cloexec[fd] = t->cloexec[fd];
    }
    spin_unlock(&t->lock);
    return copy;
}

int fd_replace(struct fd_table *t, int fd, struct file *f, bool cloexec)
{
    struct file *old = f;
    bool valid = fd >= 0 && fd < MAX_FDS;
    if (valid) {
        spin_lock(&t->lock);
        old = t->file[fd];
        t->file[fd] = f;
        t->cloexec[fd] = cloexec;
        spin_unlock(&t->lock);
    }
    if (old)
        file_put(old);
    return valid && (f || old) ? fd : -EBADF;
}

void fds_close_on_exec(struct fd_table *t)
{
    for (int fd = 0; fd < MAX_FDS; fd++)
        if (t->cloexec[fd])
            fd_replace(t, fd, NULL, false);
}

void fds_put(struct fd_table *t)
{
    if (!ref_put(&t->refs))
        return;
    for (int fd = 0; fd < MAX_FDS; fd++)
        if (t->file[fd])
            fd_replace(t, fd, NULL, false);
    kfree(t);
}

int fd_install(struct fd_table *t, struct file *f, bool cloexec, int from)
{
    int fd = from;
    spin_lock(&t->lock);
    while (fd < MAX_FDS && t->file[fd])
        fd++;
    if (fd < MAX_FDS) {
        t->file[fd] = f;
        t->cloexec[fd] = cloexec;
    }
    spin_unlock(&t->lock);
    if (fd < MAX_FDS)
        return fd;
    file_put(f);
    return -EMFILE;
}

struct file *fd_get(struct fd_table *t, int fd)
{
    struct file *f;
    if (fd < 0 || fd >= MAX_FDS)
        return NULL;
    spin_lock(&t->lock);
    f = t->file[fd];
    if (f)
        file_get(f);
    spin_unlock(&t->lock);
    return f;
}

int fd_cloexec(struct fd_table *t, int fd, int set)
{
    int mark = -EBADF;
    if (fd < 0 || fd >= MAX_FDS)
        return -EBADF;
    spin_lock(&t->lock);
    if (t->file[fd]) {
        if (set >= 0)
            t->cloexec[fd] = set;
        mark = t->cloexec[fd];
    }
    spin_unlock(&t->lock);
    return mark;
}
