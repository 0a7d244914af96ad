// System calls on paths.
#include "arch/x86/uaccess.h"
#include "kernel/base/string.h"
#include "kernel/fs/syscalls.h"
#include "kernel/fs/vfs.h"
#include "kernel/proc/process.h"

#define R_OK 4
#define W_OK 2
#define X_OK 1

// A path from a program, and the directory it is relative to, with a reference.
struct place {
    struct node *at;
    char path[FS_PATH_MAX];
};

// 0 or -errno. An absolute path does not care for dirfd.
static int get_place(struct place *p, int dirfd, u64 upath)
{
    ssize_t len = strncpy_from_user(p->path, upath, FS_PATH_MAX);
    if (len < 0)
        return len;
    if (p->path[0] == '/' || dirfd == AT_FDCWD) {
        p->at = process_cwd(current_process());
        return 0;
    }
    struct file *f = fd_get(current_process()->fds, dirfd);
    if (!f)
        return -EBADF;
    p->at = f->node && node_is(f->node, S_IFDIR) ? f->node : NULL;
    if (p->at)
        node_get(p->at);
    file_put(f);
    return p->at ? 0 : -ENOTDIR;
}

// The node a program's path leads to, with a reference, or ERR_PTR.
static struct node *find(int dirfd, u64 upath, bool follow)
{
    struct place p;
    int err = get_place(&p, dirfd, upath);
    if (err)
        return ERR_PTR(err);
    struct node *n = vfs_lookup(p.at, p.path, follow);
    node_put(p.at);
    return n;
}

s64 sys_openat(int dirfd, u64 upath, u32 flags)
{
    struct place p;
    int err = get_place(&p, dirfd, upath);
    if (err)
        return err;
    struct file *f = vfs_open(p.at, p.path, flags);
    node_put(p.at);
    return IS_ERR(f) ? PTR_ERR(f) : fd_install(current_process()->fds, f, flags & O_CLOEXEC, 0);
}

static s64 stat_node(struct node *n, u64 ustat)
{
    struct stat st;
    node_stat(n, &st);
    node_put(n);
    return put_user(st, ustat);
}

s64 sys_newfstatat(int dirfd, u64 upath, u64 ustat, int flags)
{
    char first = 0;
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    if ((flags & AT_EMPTY_PATH) && get_user(first, upath))
        return -EFAULT;
    if ((flags & AT_EMPTY_PATH) && !first) {
        if (dirfd == AT_FDCWD)
            return stat_node(process_cwd(current_process()), ustat);
        struct file *f = fd_get(current_process()->fds, dirfd);
        s64 err = f ? sys_fstat(f, ustat) : -EBADF;
        if (f)
            file_put(f);
        return err;
    }
    struct node *n = find(dirfd, upath, !(flags & AT_SYMLINK_NOFOLLOW));
    return IS_ERR(n) ? PTR_ERR(n) : stat_node(n, ustat);
}

// Root may read everything and write what is no file of the archive; only x bits can be missing.
s64 sys_faccessat(int dirfd, u64 upath, int mode)
{
    if (mode & ~(R_OK | W_OK | X_OK))
        return -EINVAL;
    struct node *n = find(dirfd, upath, true);
    if (IS_ERR(n))
        return PTR_ERR(n);
    bool fixed = node_is(n, S_IFDIR) ? !n->ops || !n->ops->create : !n->fops->write;
    int err = 0;
    if ((mode & W_OK) && fixed)
        err = -EROFS;
    else if ((mode & X_OK) && !(n->mode & 0111))
        err = -EACCES;
    node_put(n);
    return err;
}

s64 sys_readlinkat(int dirfd, u64 upath, u64 ubuf, s64 size)
{
    char target[PROC_PATH_MAX];
    if (size <= 0)
        return -EINVAL;
    struct node *n = find(dirfd, upath, false);
    if (IS_ERR(n))
        return PTR_ERR(n);
    ssize_t len = node_readlink(n, target, MIN((size_t)size, sizeof(target)));
    node_put(n);
    return len > 0 && copy_to_user(ubuf, target, len) ? -EFAULT : len;
}

s64 sys_unlinkat(int dirfd, u64 upath, int flags)
{
    struct place p;
    if (flags & ~AT_REMOVEDIR)
        return -EINVAL;
    int err = get_place(&p, dirfd, upath);
    if (err)
        return err;
    err = flags & AT_REMOVEDIR ? -EROFS : vfs_unlink(p.at, p.path);
    node_put(p.at);
    return err;
}

s64 sys_getcwd(u64 ubuf, size_t size)
{
    char path[PROC_PATH_MAX];
    struct node *cwd = process_cwd(current_process());
    int err = node_path(cwd, path, sizeof(path));
    node_put(cwd);
    if (err)
        return err;
    size_t len = strlen(path) + 1;
    if (size < len)
        return -ERANGE;
    return copy_to_user(ubuf, path, len) ? -EFAULT : (s64)len;
}

// Takes the reference over.
static s64 change_directory(struct node *n)
{
    bool fits = node_is(n, S_IFDIR);
    struct node *old = n;
    if (fits) {
        spin_lock(&proc_lock);
        old = current_process()->cwd;
        current_process()->cwd = n;
        spin_unlock(&proc_lock);
    }
    node_put(old);
    return fits ? 0 : -ENOTDIR;
}

s64 sys_chdir(u64 upath)
{
    struct node *n = find(AT_FDCWD, upath, true);
    return IS_ERR(n) ? PTR_ERR(n) : change_directory(n);
}

s64 sys_fchdir(struct file *f)
{
    if (!f->node)
        return -ENOTDIR;
    node_get(f->node);
    return change_directory(f->node);
}
