// Open files and the descriptors that name them. The release of a file may sleep, so no table is
// locked meanwhile.
#include "linux/fs/file.h"

#include "kernel/mm/heap.h"
#include "linux/base/limited.h"
#include "linux/fs/vfs.h"

struct wait_queue file_events;

u64 file_max;
static u64 nr_files; // atomic

u64 file_count(void)
{
    return __atomic_load_n(&nr_files, __ATOMIC_RELAXED);
}

struct file *file_alloc(void)
{
    if (!count_up(&nr_files, 1, file_max))
        return ERR_PTR(-ENFILE);
    struct file *f = kalloc(sizeof(*f));
    if (f)
        return f;
    file_free(NULL);
    return ERR_PTR(-ENOMEM);
}

void file_free(struct file *f)
{
    kfree(f);
    __atomic_fetch_sub(&nr_files, 1, __ATOMIC_RELAXED);
}

void file_init(struct file *f, const struct file_ops *ops, struct node *n, void *private, u32 flags)
{
    ref_init(&f->refs);
    f->ops = ops;
    f->node = n;
    f->private = private;
    f->flags = flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC);
    if (file_has_pos(f))
        mutex_init(&f->pos_lock, "file position", RANK_POSITION);
    if (n)
        node_get(n);
}

struct file *file_new(const struct file_ops *ops, struct node *n, void *private, u32 flags)
{
    struct file *f = file_alloc();
    if (!IS_ERR(f))
        file_init(f, ops, n, private, flags);
    return f;
}

void file_get(struct file *f)
{
    ref_get(&f->refs);
}

void file_put(struct file *f)
{
    if (!f || !ref_put(&f->refs))
        return;
    if (f->ops->release)
        f->ops->release(f);
    if (f->node)
        node_put(f->node);
    file_free(f);
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

static void set_bit(u64 *set, u32 n, bool value)
{
    set[n / 64] = (set[n / 64] & ~BIT(n % 64)) | (u64)value << (n % 64);
}

// The lowest number >= from that is in the set. With `free`, the lowest that is not in it. MAX_FDS:
// there is none.
static u32 next_in(const u64 *set, bool free, u32 from)
{
    for (u32 fd = from; fd < MAX_FDS; fd = ALIGN_UP(fd + 1, 64)) {
        u64 word = (free ? ~set[fd / 64] : set[fd / 64]) >> (fd % 64);
        if (word)
            return fd + __builtin_ctzll(word);
    }
    return MAX_FDS;
}

#define for_each_fd(fd, set)                                                                       \
    for (u32 fd = next_in(set, false, 0); fd < MAX_FDS; fd = next_in(set, false, fd + 1))

u32 fd_limit(void)
{
    u64 soft = rlimit_soft(RLIMIT_NOFILE);
    return MIN(soft, MAX_FDS);
}

struct fd_table *fds_new(void)
{
    struct fd_table *t = kalloc(sizeof(*t));
    if (!t)
        return NULL;
    ref_init(&t->refs);
    spin_init(&t->lock, "descriptor table", RANK_FILES);
    return t;
}

void fds_fill(struct fd_table *copy, struct fd_table *t)
{
    spin_lock(&t->lock);
    for_each_fd (fd, t->used) {
        struct file *f = __atomic_load_n(&t->file[fd], __ATOMIC_ACQUIRE);
        if (!f) // reserved
            continue;
        file_get(f);
        copy->file[fd] = f;
        set_bit(copy->used, fd, true);
        set_bit(copy->cloexec, fd, fd_is_in(t->cloexec, fd));
    }
    spin_unlock(&t->lock);
}

struct fd_table *fds_copy(struct fd_table *t)
{
    struct fd_table *copy = fds_new();
    if (copy)
        fds_fill(copy, t);
    return copy;
}

int fd_replace(struct fd_table *t, int fd, struct file *f, bool cloexec)
{
    struct file *old = NULL;
    int err = -EBADF;
    if (fd >= 0 && (u32)fd < fd_limit()) {
        spin_lock(&t->lock);
        old = t->file[fd];
        err = !old && fd_is_in(t->used, fd) ? -EBUSY : 0;
        if (!err) {
            t->file[fd] = f;
            set_bit(t->used, fd, true);
            set_bit(t->cloexec, fd, cloexec);
        }
        spin_unlock(&t->lock);
    }
    file_put(err ? f : old);
    return err ? err : fd;
}

int fd_close(struct fd_table *t, int fd)
{
    struct file *f = NULL;
    if (fd >= 0 && fd < MAX_FDS) {
        spin_lock(&t->lock);
        f = t->file[fd];
        t->file[fd] = NULL;
        if (f)
            set_bit(t->used, fd, false);
        spin_unlock(&t->lock);
    }
    if (!f)
        return -EBADF;
    file_put(f);
    return 0;
}

void fds_close_on_exec(struct fd_table *t)
{
    for_each_fd (fd, t->cloexec)
        fd_close(t, fd);
}

u64 fds_weight(struct fd_table *t)
{
    u64 bytes = 0;
    spin_lock(&t->lock);
    for_each_fd (fd, t->used) {
        const struct file *f = __atomic_load_n(&t->file[fd], __ATOMIC_ACQUIRE);
        bytes += f ? sizeof(*f) + f->weight : 0;
    }
    spin_unlock(&t->lock);
    return bytes;
}

void fds_put(struct fd_table *t)
{
    if (!t || !ref_put(&t->refs))
        return;
    for_each_fd (fd, t->used)
        fd_close(t, fd);
    kfree(t);
}

int fd_reserve(struct fd_table *t, bool cloexec, int from)
{
    u32 limit = fd_limit();
    spin_lock(&t->lock);
    u32 fd = next_in(t->used, true, from);
    if (fd < limit) {
        set_bit(t->used, fd, true);
        set_bit(t->cloexec, fd, cloexec);
    }
    spin_unlock(&t->lock);
    return fd < limit ? (int)fd : -EMFILE;
}

void fd_give_back(struct fd_table *t, int fd)
{
    spin_lock(&t->lock);
    set_bit(t->used, fd, false);
    spin_unlock(&t->lock);
}

int fd_install(struct fd_table *t, struct file *f, bool cloexec, int from)
{
    int fd = fd_reserve(t, cloexec, from);
    if (fd >= 0)
        fd_fill(t, fd, f);
    else
        file_put(f);
    return fd;
}

struct file *fd_get(struct fd_table *t, int fd)
{
    if (fd < 0 || fd >= MAX_FDS)
        return NULL;
    spin_lock(&t->lock);
    struct file *f = t->file[fd];
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
            set_bit(t->cloexec, fd, set);
        mark = fd_is_in(t->cloexec, fd);
    }
    spin_unlock(&t->lock);
    return mark;
}
