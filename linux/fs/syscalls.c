// System calls on open files.
#include "linux/fs/syscalls.h"

#include "arch/x86/uaccess.h"
#include "linux/fs/async.h"
#include "linux/fs/pipe.h"
#include "linux/fs/stat.h"
#include "linux/fs/vfs.h"
#include "linux/task/process.h"

#include <asm/ioctls.h>

#define FIO_TYPE    0x54 // the ioctls of all files, and of terminals
#define F_SETFL_MAY (O_APPEND | O_NONBLOCK)

// 0, or -EINTR when the process is to end. The wait can be long, because another task may be
// reading the same file.
static int lock_pos(struct file *f)
{
    return file_has_pos(f) ? mutex_lock_killable(&f->pos_lock) : 0;
}

static void unlock_pos(struct file *f)
{
    if (file_has_pos(f))
        mutex_unlock(&f->pos_lock);
}

static bool is_open_for(const struct file *f, bool write)
{
    return (f->flags & O_ACCMODE) != (write ? O_RDONLY : O_WRONLY);
}

typedef ssize_t transfer_fn(struct file *f, u64 ubuf, size_t n, u64 *pos);

static ssize_t transfer_locked(struct file *f, transfer_fn *op, u64 ubuf, size_t n, u64 *pos)
{
    if (mutex_lock_killable(&f->pos_lock))
        return -EINTR;
    ssize_t done = op(f, ubuf, n, pos);
    mutex_unlock(&f->pos_lock);
    return done;
}

// Reads or writes at the file's own position, or at *at.
static inline s64 transfer(struct file *f, bool write, u64 ubuf, size_t n, u64 *at)
{
    transfer_fn *op = write ? f->ops->write : f->ops->read;
    if (!is_open_for(f, write))
        return -EBADF;
    if (at && !f->ops->seek)
        return -ESPIPE;
    if (!op)
        return -EINVAL;
    if (!user_range_ok(ubuf, n))
        return -EFAULT;
    n = MIN(n, RW_MAX);
    return file_has_pos(f) ? transfer_locked(f, op, ubuf, n, at ? at : &f->pos)
                           : op(f, ubuf, n, &f->pos);
}

s64 sys_read(struct file *f, u64 ubuf, size_t n)
{
    return transfer(f, false, ubuf, n, NULL);
}

s64 sys_write(struct file *f, u64 ubuf, size_t n)
{
    return transfer(f, true, ubuf, n, NULL);
}

s64 sys_pread64(struct file *f, u64 ubuf, size_t n, s64 pos)
{
    return pos < 0 ? -EINVAL : transfer(f, false, ubuf, n, (u64 *)&pos);
}

s64 sys_pwrite64(struct file *f, u64 ubuf, size_t n, s64 pos)
{
    return pos < 0 ? -EINVAL : transfer(f, true, ubuf, n, (u64 *)&pos);
}

static int get_iovec(struct iovec *v, u64 uiov, int i)
{
    if (get_user(*v, uiov + i * sizeof(*v)))
        return -EFAULT;
    if ((s64)v->len < 0)
        return -EINVAL;
    return user_range_ok(v->base, v->len) ? 0 : -EFAULT;
}

// If one of the buffers is wrong, nothing is moved.
static s64 vector(struct file *f, bool write, u64 uiov, int count)
{
    struct iovec v;
    s64 total = 0, done;
    if (!is_open_for(f, write))
        return -EBADF;
    if (count < 0 || count > IOV_MAX)
        return -EINVAL;
    for (int i = 0; i < count; i++) {
        int err = get_iovec(&v, uiov, i);
        if (err)
            return err;
    }
    for (int i = 0; i < count; i++) {
        done = get_iovec(&v, uiov, i);
        if (!done && v.len)
            done = transfer(f, write, v.base, MIN(v.len, RW_MAX - (u64)total), NULL);
        if (done < 0)
            return total ? total : done;
        total += done;
        if ((u64)done < v.len || sched_killed())
            break;
    }
    return total;
}

s64 sys_readv(struct file *f, u64 uiov, int count)
{
    return vector(f, false, uiov, count);
}

s64 sys_writev(struct file *f, u64 uiov, int count)
{
    return vector(f, true, uiov, count);
}

static s64 seek(struct file *f, s64 off, int whence)
{
    s64 base = 0;
    if (f->ops->seek == SEEKS_NOWHERE)
        return 0;
    if (whence == SEEK_CUR)
        base = (s64)f->pos;
    else if (whence == SEEK_END && f->ops->seek == SEEKS_NODE_SIZE)
        base = (s64)f->node->size;
    else if (whence != SEEK_SET)
        return -EINVAL;
    if (__builtin_add_overflow(base, off, &base) || base < 0)
        return -EINVAL;
    f->pos = (u64)base;
    return base;
}

s64 sys_lseek(struct file *f, s64 off, int whence)
{
    if (!f->ops->seek)
        return -ESPIPE;
    if (lock_pos(f))
        return -EINTR;
    s64 pos = seek(f, off, whence);
    unlock_pos(f);
    return pos;
}

s64 sys_ftruncate(struct file *f, s64 size)
{
    if (size < 0 || !is_open_for(f, true) || !f->ops->truncate)
        return -EINVAL;
    if (lock_pos(f))
        return -EINTR;
    s64 err = f->ops->truncate(f, size);
    unlock_pos(f);
    return err;
}

// There is nothing to do, because no written bytes are kept back.
s64 sys_fsync(struct file *f)
{
    return f->ops->seek ? 0 : -EINVAL;
}

static s64 set_flags(struct file *f, int fd, u64 flags)
{
    u32 old = __atomic_load_n(&f->flags, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&f->flags, &old,
                                        (old & ~F_SETFL_MAY) | (flags & F_SETFL_MAY), false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        continue;
    if ((f->flags ^ flags) & O_ASYNC)
        file_set_async(f, flags & O_ASYNC, fd);
    return 0;
}

static s64 ioctl_of_kind(struct file *f, u32 cmd, u64 arg)
{
    return f->ops->ioctl ? f->ops->ioctl(f, cmd, arg) : -ENOTTY;
}

// Sets FD_CLOEXEC of a descriptor on or off. 0 or -EBADF.
static s64 mark_cloexec(int fd, bool on)
{
    int mark = fd_cloexec(current_process()->fds, fd, on);
    return MIN(mark, 0);
}

// The ioctls of all files: they do what fcntl(2) does (ioctl_fioclex(2)). Other ioctls go to the
// file's kind.
static __attribute__((noinline)) s64 ioctl_of_all(struct file *f, u32 cmd, u64 arg, int fd)
{
    s32 on;
    if (cmd == FIOCLEX || cmd == FIONCLEX)
        return mark_cloexec(fd, cmd == FIOCLEX);
    if (cmd != FIONBIO)
        return ioctl_of_kind(f, cmd, arg);
    if (get_user(on, arg))
        return -EFAULT;
    return set_flags(f, fd, on ? f->flags | O_NONBLOCK : f->flags & ~O_NONBLOCK);
}

// Events have numbers of their own, and their calls are made often. `fd` comes last, so the other
// arguments stay in their registers.
s64 sys_ioctl(struct file *f, u32 cmd, u64 arg, int fd)
{
    return unlikely(cmd >> 8 == FIO_TYPE) ? ioctl_of_all(f, cmd, arg, fd)
                                          : ioctl_of_kind(f, cmd, arg);
}

s64 sys_getdents64(struct file *f, u64 ubuf, size_t n)
{
    if (!f->ops->getdents)
        return -ENOTDIR;
    if (lock_pos(f))
        return -EINTR;
    s64 done = f->ops->getdents(f, ubuf, n);
    unlock_pos(f);
    return done;
}

s64 sys_fstat(struct file *f, u64 ustat)
{
    struct stat st = {.st_nlink = 1, .st_mode = 0600}; // for files without a node
    if (f->node)
        node_stat(f->node, &st);
    return put_user(st, ustat);
}

s64 sys_pipe2(u64 ufds, u32 flags)
{
    struct fd_table *fds = current_process()->fds;
    struct file *ends[2];
    int fd[2];
    if (flags & ~(u32)(O_NONBLOCK | O_CLOEXEC))
        return -EINVAL;
    int err = pipe_new(ends, flags & O_NONBLOCK);
    if (err)
        return err;
    for (int i = 0; i < 2; i++)
        fd[i] = fd_reserve(fds, flags & O_CLOEXEC, 0);
    err = MIN(fd[0], fd[1]) < 0 ? -EMFILE : put_user(fd, ufds);
    for (int i = 0; i < 2; i++) {
        if (!err) {
            fd_fill(fds, fd[i], ends[i]);
            continue;
        }
        if (fd[i] >= 0)
            fd_give_back(fds, fd[i]);
        file_put(ends[i]);
    }
    return err;
}

static s64 dup_from(struct file *f, u64 from, bool cloexec)
{
    if (from >= fd_limit())
        return -EINVAL;
    file_get(f);
    return fd_install(current_process()->fds, f, cloexec, from);
}

s64 sys_dup(struct file *f)
{
    return dup_from(f, 0, false);
}

s64 sys_dup3(struct file *f, int fd, int to, u32 flags)
{
    if (fd == to || (flags & ~(u32)O_CLOEXEC))
        return -EINVAL;
    file_get(f);
    return fd_replace(current_process()->fds, to, f, flags & O_CLOEXEC);
}

s64 sys_dup2(struct file *f, int fd, int to)
{
    return fd == to ? fd : sys_dup3(f, fd, to, 0);
}

s64 sys_fcntl(struct file *f, int fd, int cmd, u64 arg)
{
    switch (cmd) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return dup_from(f, arg, cmd == F_DUPFD_CLOEXEC);
    case F_GETFD:
        return fd_cloexec(current_process()->fds, fd, -1);
    case F_SETFD:
        return mark_cloexec(fd, arg & FD_CLOEXEC);
    case F_GETFL:
        return f->flags;
    case F_SETFL:
        return set_flags(f, fd, arg);
    default:
        return file_async_fcntl(f, cmd, arg);
    }
}
