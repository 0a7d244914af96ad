// Descriptor tables: small numbers for open files. The table's lock is never held while a file is
// released, since a release may sleep.
#include "kernel/fs/file.h"
#include "kernel/mm/heap.h"

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

// Takes the file out of the table; its reference goes to the caller. NULL: not open.
static struct file *take(struct fd_table *t, int fd, bool only_cloexec)
{
    struct file *f = NULL;
    if (fd < 0 || fd >= MAX_FDS)
        return NULL;
    spin_lock(&t->lock);
    if (!only_cloexec || t->cloexec[fd]) {
        f = t->file[fd];
        t->file[fd] = NULL;
        t->cloexec[fd] = false;
    }
    spin_unlock(&t->lock);
    return f;
}

static void close_all(struct fd_table *t, bool only_cloexec)
{
    for (int fd = 0; fd < MAX_FDS; fd++) {
        struct file *f = take(t, fd, only_cloexec);

        if (f)
            file_put(f);
    }
}

void fds_put(struct fd_table *t)
{
    if (!ref_put(&t->refs))
        return;
    close_all(t, false);
    kfree(t);
}

void fds_close_on_exec(struct fd_table *t)
{
    close_all(t, true);
}

int fd_install(struct fd_table *t, struct file *f, bool cloexec, int from)
{
    int fd;
    spin_lock(&t->lock);
    for (fd = from; fd < MAX_FDS && t->file[fd]; fd++)
        ;
    if (fd < MAX_FDS) {
        t->file[fd] = f;
        t->cloexec[fd] = cloexec;
    } else {
        fd = -EMFILE;
    }
    spin_unlock(&t->lock);
    return fd;
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

int fd_close(struct fd_table *t, int fd)
{
    struct file *f = take(t, fd, false);
    if (!f)
        return -EBADF;
    file_put(f);
    return 0;
}

int fd_replace(struct fd_table *t, int fd, struct file *f, bool cloexec)
{
    struct file *old;
    if (fd < 0 || fd >= MAX_FDS)
        return -EBADF;
    spin_lock(&t->lock);
    old = t->file[fd];
    t->file[fd] = f;
    t->cloexec[fd] = cloexec;
    spin_unlock(&t->lock);
    if (old)
        file_put(old);
    return fd;
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
