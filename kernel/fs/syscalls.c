// System calls on open files.
#include "kernel/fs/syscalls.h"

#include "arch/x86/uaccess.h"
#include "kernel/fs/async.h"
#include "kernel/fs/pipe.h"
#include "kernel/fs/stat.h"
#include "kernel/fs/vfs.h"
#include "kernel/proc/process.h"

#define RW_MAX   0x7ffff000u // most bytes one call moves, as Linux
#define IOV_MAX  1024
#define MODE_ANY (~0u)

// fcntl(2)
enum { F_DUPFD = 0, F_GETFD = 1, F_SETFD = 2, F_GETFL = 3, F_SETFL = 4, F_DUPFD_CLOEXEC = 1030 };
#define FD_CLOEXEC  1
#define F_SETFL_MAY (O_APPEND | O_NONBLOCK)

struct iovec {
    u64 base, len;
};

static struct fd_table *fds(void)
{
    return current_process()->fds;
}

// With a reference, NULL when fd is not open or not open for this.
static struct file *get_file(int fd, u32 forbidden_mode)
{
    struct file *f = fd_get(fds(), fd);
    if (f && (f->flags & O_ACCMODE) == forbidden_mode) {
        file_put(f);
        return NULL;
    }
    return f;
}

static void lock_pos(struct file *f)
{
    if (f->ops->lseek)
        mutex_lock(&f->pos_lock);
}

static void unlock_pos(struct file *f)
{
    if (f->ops->lseek)
        mutex_unlock(&f->pos_lock);
}

// Reads or writes at the file's own position, or at *at.
static ssize_t transfer(struct file *f, bool write, u64 ubuf, size_t n, u64 *at)
{
    ssize_t (*op)(struct file * f, u64 ubuf, size_t n, u64 * pos) =
        write ? f->ops->write : f->ops->read;
    ssize_t done;
    if (!op)
        return -EINVAL;
    lock_pos(f);
    done = op(f, ubuf, MIN(n, RW_MAX), at ? at : &f->pos);
    unlock_pos(f);
    return done;
}

static s64 read_write(int fd, bool write, u64 ubuf, size_t n, u64 *at)
{
    struct file *f = get_file(fd, write ? O_RDONLY : O_WRONLY);
    s64 done;
    if (!f)
        return -EBADF;
    done = at && !f->ops->lseek ? -ESPIPE : transfer(f, write, ubuf, n, at);
    file_put(f);
    return done;
}

s64 sys_read(int fd, u64 ubuf, size_t n)
{
    return read_write(fd, false, ubuf, n, NULL);
}

s64 sys_write(int fd, u64 ubuf, size_t n)
{
    return read_write(fd, true, ubuf, n, NULL);
}

s64 sys_pread64(int fd, u64 ubuf, size_t n, s64 pos)
{
    u64 at = pos;
    return pos < 0 ? -EINVAL : read_write(fd, false, ubuf, n, &at);
}

s64 sys_pwrite64(int fd, u64 ubuf, size_t n, s64 pos)
{
    u64 at = pos;
    return pos < 0 ? -EINVAL : read_write(fd, true, ubuf, n, &at);
}

static s64 vector_transfer(struct file *f, bool write, u64 uiov, int count)
{
    s64 total = 0;
    for (int i = 0; i < count; i++) {
        struct iovec v;
        ssize_t done;

        if (get_user(v, uiov + i * sizeof(v)))
            return total ? total : -EFAULT;
        if (v.len == 0)
            continue;
        if ((s64)v.len < 0)
            return total ? total : -EINVAL;
        done = transfer(f, write, v.base, MIN(v.len, RW_MAX - (u64)total), NULL);
        if (done < 0)
            return total ? total : done;
        total += done;
        if ((u64)done < v.len)
            break;
    }
    return total;
}

static s64 vector(int fd, bool write, u64 uiov, int count)
{
    struct file *f = get_file(fd, write ? O_RDONLY : O_WRONLY);
    s64 done;
    if (!f)
        return -EBADF;
    done = count < 0 || count > IOV_MAX ? -EINVAL : vector_transfer(f, write, uiov, count);
    file_put(f);
    return done;
}

s64 sys_readv(int fd, u64 uiov, int count)
{
    return vector(fd, false, uiov, count);
}

s64 sys_writev(int fd, u64 uiov, int count)
{
    return vector(fd, true, uiov, count);
}

s64 sys_lseek(int fd, s64 off, int whence)
{
    struct file *f = get_file(fd, MODE_ANY);
    s64 pos = -ESPIPE;
    if (!f)
        return -EBADF;
    if (f->ops->lseek) {
        lock_pos(f);
        pos = f->ops->lseek(f, off, whence);
        unlock_pos(f);
    }
    file_put(f);
    return pos;
}

s64 sys_ftruncate(int fd, s64 size)
{
    struct file *f = get_file(fd, MODE_ANY);
    s64 err = -EINVAL;
    if (!f)
        return -EBADF;
    if (size >= 0 && (f->flags & O_ACCMODE) != O_RDONLY && f->ops->truncate) {
        lock_pos(f);
        err = f->ops->truncate(f, size);
        unlock_pos(f);
    }
    file_put(f);
    return err;
}

s64 sys_ioctl(int fd, u32 cmd, u64 arg)
{
    struct file *f = get_file(fd, MODE_ANY);
    s64 done;
    if (!f)
        return -EBADF;
    done = f->ops->ioctl ? f->ops->ioctl(f, cmd, arg) : -ENOTTY;
    file_put(f);
    return done;
}

s64 sys_getdents64(int fd, u64 ubuf, size_t n)
{
    struct file *f = get_file(fd, MODE_ANY);
    s64 done = -ENOTDIR;
    if (!f)
        return -EBADF;
    if (f->ops->getdents) {
        lock_pos(f);
        done = f->ops->getdents(f, ubuf, n);
        unlock_pos(f);
    }
    file_put(f);
    return done;
}

s64 sys_fstat(int fd, u64 ustat)
{
    struct file *f = get_file(fd, MODE_ANY);
    struct stat st;
    if (!f)
        return -EBADF;
    f->ops->stat(f, &st);
    file_put(f);
    return put_user(st, ustat);
}

s64 sys_close(int fd)
{
    return fd_close(fds(), fd);
}

// Installs f or drops it.
static int install(struct file *f, bool cloexec, int from)
{
    int fd = fd_install(fds(), f, cloexec, from);
    if (fd < 0)
        file_put(f);
    return fd;
}

s64 sys_pipe2(u64 ufds, u32 flags)
{
    struct file *reader, *writer;
    int pair[2], err;
    if (flags & ~(u32)(O_NONBLOCK | O_CLOEXEC))
        return -EINVAL;
    err = pipe_new(&reader, &writer, flags & O_NONBLOCK);
    if (err)
        return err;
    pair[0] = install(reader, flags & O_CLOEXEC, 0);
    if (pair[0] < 0) {
        file_put(writer);
        return pair[0];
    }
    pair[1] = install(writer, flags & O_CLOEXEC, 0);
    err = pair[1] < 0 ? pair[1] : put_user(pair, ufds);
    if (err) {
        if (pair[1] >= 0)
            sys_close(pair[1]);
        sys_close(pair[0]);
    }
    return err;
}

static s64 dup_from(int fd, int from, bool cloexec)
{
    struct file *f;
    if (from < 0 || from >= MAX_FDS)
        return -EINVAL;
    f = get_file(fd, MODE_ANY);
    return f ? install(f, cloexec, from) : -EBADF;
}

s64 sys_dup(int fd)
{
    return dup_from(fd, 0, false);
}

s64 sys_dup3(int fd, int to, u32 flags)
{
    struct file *f;
    int err;
    if (fd == to || (flags & ~(u32)O_CLOEXEC))
        return -EINVAL;
    f = get_file(fd, MODE_ANY);
    if (!f)
        return -EBADF;
    err = fd_replace(fds(), to, f, flags & O_CLOEXEC);
    if (err < 0)
        file_put(f);
    return err;
}

s64 sys_dup2(int fd, int to)
{
    if (fd == to)
        return fd_cloexec(fds(), fd, -1) < 0 ? -EBADF : fd;
    return sys_dup3(fd, to, 0);
}

static s64 fcntl_flags(struct file *f, int cmd, u64 arg, int fd)
{
    if (cmd == F_GETFL)
        return f->flags;
    __atomic_store_n(&f->flags, (f->flags & ~F_SETFL_MAY) | (arg & F_SETFL_MAY), __ATOMIC_RELAXED);
    if ((f->flags ^ arg) & O_ASYNC)
        file_set_async(f, arg & O_ASYNC, fd);
    return 0;
}

s64 sys_fcntl(int fd, int cmd, u64 arg)
{
    struct file *f;
    s64 result;
    switch (cmd) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return arg < MAX_FDS ? dup_from(fd, arg, cmd == F_DUPFD_CLOEXEC) : -EINVAL;
    case F_GETFD:
        return fd_cloexec(fds(), fd, -1);
    case F_SETFD:
        result = fd_cloexec(fds(), fd, arg & FD_CLOEXEC);
        return result < 0 ? result : 0;
    case F_GETFL:
    case F_SETFL:
        f = get_file(fd, MODE_ANY);
        if (!f)
            return -EBADF;
        result = fcntl_flags(f, cmd, arg, fd);
        file_put(f);
        return result;
    default:
        f = get_file(fd, MODE_ANY);
        if (!f)
            return -EBADF;
        result = file_async_fcntl(f, cmd, arg);
        file_put(f);
        return result;
    }
}
