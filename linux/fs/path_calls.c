// System calls on paths.
#include "arch/x86/uaccess.h"
#include "kernel/base/string.h"
#include "kernel/mm/page.h"
#include "linux/fs/syscalls.h"
#include "linux/fs/vfs.h"
#include "linux/task/process.h"
#include "linux/task/upcalls.h"
#include "linux/task/timespec.h"

#define R_OK 4
#define W_OK 2
#define X_OK 1

// utimensat(2): these stand in the place of nanoseconds.
#define UTIME_NOW  0x3fffffff
#define UTIME_OMIT 0x3ffffffe

// A path from a program, and the directory where it begins, with a reference.
struct place {
    struct node *at;
    char path[FS_PATH_MAX];
};

// 0 or -errno. For an absolute path dirfd is not looked at.
static int get_place(struct place *p, int dirfd, u64 upath)
{
    ssize_t len = strncpy_from_user(p->path, upath, FS_PATH_MAX);
    if (len <= 0)
        return len ? len : -ENOENT;
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

// The node to which a program's path leads, with a reference, or ERR_PTR.
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

static u32 new_mode(u32 mode)
{
    return mode & 07777 & ~current_process()->umask;
}

s64 sys_openat(int dirfd, u64 upath, u32 flags, u32 mode)
{
    struct place p;
    int err = get_place(&p, dirfd, upath);
    if (err)
        return err;
    struct fd_table *fds = current_process()->fds;
    int fd = fd_reserve(fds, flags & O_CLOEXEC, 0);
    struct file *f = fd < 0 ? ERR_PTR(fd) : vfs_open(p.at, p.path, flags, new_mode(mode));
    node_put(p.at);
    if (!IS_ERR(f))
        fd_fill(fds, fd, f);
    else if (fd >= 0)
        fd_give_back(fds, fd);
    return IS_ERR(f) ? PTR_ERR(f) : fd;
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
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
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

// Every program is root. So it may read everything, and write all but files of the archive. Only
// the right to execute can be missing.
s64 sys_faccessat(int dirfd, u64 upath, int mode)
{
    if (mode & ~(R_OK | W_OK | X_OK))
        return -EINVAL;
    struct node *n = find(dirfd, upath, true);
    if (IS_ERR(n))
        return PTR_ERR(n);
    bool fixed = node_is(n, S_IFDIR) ? !node_is_writable_dir(n) : !n->fops->write;
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
    err = vfs_unlink(p.at, p.path, flags & AT_REMOVEDIR);
    node_put(p.at);
    return err;
}

static s64 make(int dirfd, u64 upath, u32 mode, const char *text)
{
    struct place p;
    int err = get_place(&p, dirfd, upath);
    if (err)
        return err;
    err = vfs_make(p.at, p.path, mode, text);
    node_put(p.at);
    return err;
}

s64 sys_mkdirat(int dirfd, u64 upath, u32 mode)
{
    return make(dirfd, upath, S_IFDIR | new_mode(mode), NULL);
}

s64 sys_symlinkat(u64 utext, int dirfd, u64 upath)
{
    char text[PROC_PATH_MAX];
    ssize_t len = strncpy_from_user(text, utext, sizeof(text));
    if (len <= 0)
        return len ? len : -ENOENT;
    return make(dirfd, upath, S_IFLNK | 0777, text);
}

s64 sys_renameat(int dirfd, u64 upath, int to_dirfd, u64 to_upath)
{
    struct place p, to;
    int err = get_place(&p, dirfd, upath);
    if (err)
        return err;
    err = get_place(&to, to_dirfd, to_upath);
    if (!err) {
        err = vfs_rename(p.at, p.path, to.at, to.path);
        node_put(to.at);
    }
    node_put(p.at);
    return err;
}

s64 sys_truncate(u64 upath, s64 size)
{
    struct place p;
    if (size < 0)
        return -EINVAL;
    int err = get_place(&p, AT_FDCWD, upath);
    if (err)
        return err;
    struct file *f = vfs_open(p.at, p.path, O_WRONLY, 0);
    node_put(p.at);
    if (IS_ERR(f))
        return PTR_ERR(f);
    s64 result = sys_ftruncate(f, size);
    file_put(f);
    return result;
}

// ---- what a node is said to be ----

// Whether the node is /tmp or below it. All other nodes cannot be changed. Takes the tree lock,
// because rename(2) changes parents.
static bool is_in_tmp(struct node *n)
{
    mutex_lock(&fs_tree_lock);
    bool in = node_is_writable_dir(n) || node_is_writable_dir(n->parent);
    mutex_unlock(&fs_tree_lock);
    return in;
}

// The caller's reference to n is dropped.
static s64 set_mode(struct node *n, u32 mode)
{
    bool fixed = !is_in_tmp(n);
    if (!fixed)
        n->mode = (n->mode & S_IFMT) | (mode & 07777);
    node_put(n);
    return fixed ? -EROFS : 0;
}

s64 sys_fchmod(struct file *f, u32 mode)
{
    if (!f->node)
        return -EINVAL;
    node_get(f->node);
    return set_mode(f->node, mode);
}

s64 sys_fchmodat(int dirfd, u64 upath, u32 mode)
{
    struct node *n = find(dirfd, upath, true);
    return IS_ERR(n) ? PTR_ERR(n) : set_mode(n, mode);
}

// There is no other user than root.
s64 sys_fchown(struct file *, u32 uid, u32 gid)
{
    return ((s32)uid > 0 || (s32)gid > 0) ? -EPERM : 0;
}

s64 sys_fchownat(int dirfd, u64 upath, u32 uid, u32 gid, int flags)
{
    struct node *n = find(dirfd, upath, !(flags & AT_SYMLINK_NOFOLLOW));
    if (IS_ERR(n))
        return PTR_ERR(n);
    node_put(n);
    return sys_fchown(NULL, uid, gid);
}

// The node of an open file, with a reference, or ERR_PTR.
static struct node *node_of(int fd)
{
    struct file *f = fd_get(current_process()->fds, fd);
    struct node *n = f ? f->node : NULL;
    if (n)
        node_get(n);
    if (f)
        file_put(f);
    return n ? n : ERR_PTR(-EBADF);
}

// Of the two times only the one of the last change is kept.
s64 sys_utimensat(int dirfd, u64 upath, u64 utimes, int flags)
{
    struct timespec times[2] = {{.nsec = UTIME_NOW}, {.nsec = UTIME_NOW}};
    if (utimes && get_user(times, utimes))
        return -EFAULT;
    s64 nsec = times[1].nsec;
    if (nsec != UTIME_NOW && nsec != UTIME_OMIT && (u64)nsec >= NS_PER_SEC)
        return -EINVAL;
    struct node *n = upath ? find(dirfd, upath, !(flags & AT_SYMLINK_NOFOLLOW)) : node_of(dirfd);
    if (IS_ERR(n))
        return PTR_ERR(n);
    bool fixed = !is_in_tmp(n);
    if (!fixed && nsec != UTIME_OMIT)
        n->mtime = nsec == UTIME_NOW ? vfs_now() : (u64)times[1].sec;
    node_put(n);
    return fixed ? -EROFS : 0;
}

static s64 put_statfs(struct node *n, u64 ubuf)
{
    bool tmp = n && is_in_tmp(n);
    struct statfs st = {
        .type = tmp ? TMPFS_MAGIC : RAMFS_MAGIC,
        .bsize = PAGE_SIZE,
        .namelen = FS_NAME_MAX,
        .frsize = PAGE_SIZE,
    };
    if (tmp)
        tmpfs_fill_statfs(&st);
    return put_user(st, ubuf);
}

s64 sys_fstatfs(struct file *f, u64 ubuf)
{
    return put_statfs(f->node, ubuf);
}

s64 sys_statfs(u64 upath, u64 ubuf)
{
    struct node *n = find(AT_FDCWD, upath, true);
    if (IS_ERR(n))
        return PTR_ERR(n);
    s64 err = put_statfs(n, ubuf);
    node_put(n);
    return err;
}

// ---- the working directory ----

s64 sys_getcwd(u64 ubuf, size_t size)
{
    char path[PROC_PATH_MAX];
    struct node *cwd = process_cwd(current_process());
    mutex_lock(&fs_tree_lock);
    int err = cwd->gone ? -ENOENT : node_path(cwd, path, sizeof(path));
    mutex_unlock(&fs_tree_lock);
    node_put(cwd);
    if (err)
        return err;
    size_t len = strlen(path) + 1;
    if (size < len)
        return -ERANGE;
    return copy_to_user(ubuf, path, len) ? -EFAULT : (s64)len;
}

void process_enter_root(struct process *p)
{
    p->cwd = fs_root;
    node_get(p->cwd);
}

void process_leave_cwd(struct process *p)
{
    node_put(p->cwd);
}

struct node *process_cwd(struct process *p)
{
    spin_lock(&proc_lock);
    struct node *cwd = p->cwd;
    node_get(cwd);
    spin_unlock(&proc_lock);
    return cwd;
}

// The caller's reference to n goes to the process, or is dropped.
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
