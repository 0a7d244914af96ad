// System calls on paths. Each reads its path into kernel memory first, with the directory it is
// relative to.
#include "arch/x86/uaccess.h"
#include "kernel/base/string.h"
#include "kernel/fs/syscalls.h"
#include "kernel/fs/vfs.h"
#include "kernel/proc/process.h"

#define R_OK 4
#define W_OK 2
#define X_OK 1

struct at_path {
    char dir[FS_CWD_MAX];
    char path[FS_PATH_MAX];
};

static int directory_of(int dirfd, char dir[FS_CWD_MAX])
{
    struct file *f;
    struct node *n;
    int err;
    if (dirfd == AT_FDCWD) {
        strcopy(dir, current_process()->cwd, FS_CWD_MAX);
        return 0;
    }
    f = fd_get(current_process()->fds, dirfd);
    if (!f)
        return -EBADF;
    n = vfs_dir_node(f);
    err = n ? node_path(n, dir, FS_CWD_MAX) : -ENOTDIR;
    file_put(f);
    return err == -ERANGE ? -ENAMETOOLONG : err;
}

// 0 or -errno. An absolute path does not care for dirfd.
static int get_path(int dirfd, u64 upath, struct at_path *at)
{
    ssize_t len = strncpy_from_user(at->path, upath, FS_PATH_MAX);
    if (len < 0)
        return len;
    if (at->path[0] == '/') {
        strcopy(at->dir, "/", sizeof(at->dir));
        return 0;
    }
    return directory_of(dirfd, at->dir);
}

s64 sys_openat(int dirfd, u64 upath, u32 flags, u32 mode)
{
    struct at_path at;
    struct file *f;
    int fd, err = get_path(dirfd, upath, &at);
    (void)mode; // everybody is root
    if (err)
        return err;
    f = vfs_open_at(at.dir, at.path, flags);
    if (IS_ERR(f))
        return PTR_ERR(f);
    fd = fd_install(current_process()->fds, f, flags & O_CLOEXEC, 0);
    if (fd < 0)
        file_put(f);
    return fd;
}

s64 sys_open(u64 upath, u32 flags, u32 mode)
{
    return sys_openat(AT_FDCWD, upath, flags, mode);
}

s64 sys_newfstatat(int dirfd, u64 upath, u64 ustat, int flags)
{
    struct at_path at;
    struct stat st;
    int err = get_path(dirfd, upath, &at);
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    if (at.path[0] == '\0' && (flags & AT_EMPTY_PATH) && err != -EFAULT) {
        if (dirfd != AT_FDCWD)
            return sys_fstat(dirfd, ustat);
        strcopy(at.path, ".", sizeof(at.path));
    }
    if (!err)
        err = vfs_stat(at.dir, at.path, !(flags & AT_SYMLINK_NOFOLLOW), &st);
    return err ? err : put_user(st, ustat);
}

// Root may read everything and write what is no file of the archive; only x bits can be missing.
s64 sys_faccessat(int dirfd, u64 upath, int mode)
{
    struct at_path at;
    struct node *n;
    int err = get_path(dirfd, upath, &at);
    if (mode & ~(R_OK | W_OK | X_OK))
        return -EINVAL;
    if (err)
        return err;
    n = vfs_lookup(at.dir, at.path, true);
    if (IS_ERR(n))
        return PTR_ERR(n);
    if ((mode & W_OK) && !n->ops)
        err = -EROFS;
    else if ((mode & X_OK) && !(n->mode & 0111))
        err = -EACCES;
    node_put(n);
    return err;
}

s64 sys_readlinkat(int dirfd, u64 upath, u64 ubuf, s64 n)
{
    struct at_path at;
    char target[FS_CWD_MAX];
    ssize_t len;
    int err = get_path(dirfd, upath, &at);
    if (n <= 0)
        return -EINVAL;
    if (err)
        return err;
    len = vfs_readlink(at.dir, at.path, target, MIN((size_t)n, sizeof(target)));
    if (len <= 0)
        return len;
    return copy_to_user(ubuf, target, len) ? -EFAULT : len;
}

s64 sys_unlinkat(int dirfd, u64 upath, int flags)
{
    struct at_path at;
    int err = get_path(dirfd, upath, &at);
    if (flags & ~AT_REMOVEDIR)
        return -EINVAL;
    if (err)
        return err;
    return flags & AT_REMOVEDIR ? -EROFS : vfs_unlink(at.dir, at.path);
}

s64 sys_getcwd(u64 ubuf, size_t n)
{
    char cwd[FS_CWD_MAX];
    size_t len;
    strcopy(cwd, current_process()->cwd, sizeof(cwd));
    len = strlen(cwd) + 1;
    if (n < len)
        return -ERANGE;
    return copy_to_user(ubuf, cwd, len) ? -EFAULT : (s64)len;
}

s64 sys_chdir(u64 upath)
{
    struct at_path at;
    int err = get_path(AT_FDCWD, upath, &at);
    if (err)
        return err;
    // A path from the root needs no working directory, and one that starts there leads to the same
    // place.
    err = vfs_chdir(at.dir, at.path);
    if (!err)
        strcopy(current_process()->cwd, at.dir, FS_CWD_MAX);
    return err;
}

s64 sys_fchdir(int fd)
{
    char dir[FS_CWD_MAX];
    int err = fd == AT_FDCWD ? -EBADF : directory_of(fd, dir);
    if (!err)
        strcopy(current_process()->cwd, dir, FS_CWD_MAX);
    return err;
}
