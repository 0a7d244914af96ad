// System calls on paths.
#include "arch/x86/uaccess.h"
#include "kernel/mm/heap.h"
#include "linux/fs/syscalls.h"
#include "linux/fs/vfs.h"
#include "linux/task/process.h"
#include "linux/task/upcalls.h"

#define R_OK 4
#define W_OK 2
#define X_OK 1

// utimensat(2): these values stand in the place of nanoseconds.
#define UTIME_NOW  0x3fffffff
#define UTIME_OMIT 0x3ffffffe

// A path from a program, and the directory where it begins, with a reference.
struct place {
    struct node *at;
    char *path;
};

// The directory at which a path begins, with a reference, or ERR_PTR. For an absolute path dirfd is
// not looked at.
static struct node *start_of(int dirfd, const char *path)
{
    if (path[0] == '/' || dirfd == AT_FDCWD)
        return process_cwd(current_process());
    struct file *f = fd_get(current_process()->fds, dirfd);
    if (!f)
        return ERR_PTR(-EBADF);
    struct node *at = f->node && node_is(f->node, S_IFDIR) ? f->node : ERR_PTR(-ENOTDIR);
    if (!IS_ERR(at))
        node_get(at);
    file_put(f);
    return at;
}

static void put_place(struct place *p)
{
    if (!IS_ERR(p->at))
        node_put(p->at);
    kfree(p->path);
}

// 0, and the caller must call put_place() later, or -errno.
static int get_place(struct place *p, int dirfd, u64 upath)
{
    *p = (struct place){.at = ERR_PTR(-ENOENT), .path = kalloc(FS_PATH_MAX)};
    if (!p->path)
        return -ENOMEM;
    ssize_t len = strncpy_from_user(p->path, upath, FS_PATH_MAX);
    if (len > 0)
        p->at = start_of(dirfd, p->path);
    else if (len < 0)
        p->at = ERR_PTR(len);
    int err = IS_ERR(p->at) ? PTR_ERR(p->at) : 0;
    if (err)
        put_place(p);
    return err;
}

// The node to which a program's path leads, with a reference, or ERR_PTR.
static struct node *find(int dirfd, u64 upath, bool follow)
{
    struct place p;
    int err = get_place(&p, dirfd, upath);
    if (err)
        return ERR_PTR(err);
    struct node *n = vfs_lookup(p.at, p.path, follow);
    put_place(&p);
    return n;
}

static u32 new_mode(u32 mode)
{
    return mode & 07777 & ~current_process()->umask;
}

// Flags that exclude each other are refused before anything else is looked at. With O_PATH a file
// is neither created nor changed, so only three of the other flags have an effect (open(2)).
s64 sys_openat(int dirfd, u64 upath, u32 flags, u32 mode)
{
    struct place p;
    if (flags & O_PATH)
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if ((flags & O_ACCMODE) == O_ACCMODE || ((flags & O_CREAT) && (flags & O_DIRECTORY)))
        return -EINVAL;
    int err = get_place(&p, dirfd, upath);
    if (err)
        return err;
    struct fd_table *fds = current_process()->fds;
    int fd = fd_reserve(fds, flags & O_CLOEXEC, 0);
    struct file *f = fd < 0 ? ERR_PTR(fd) : vfs_open(p.at, p.path, flags, new_mode(mode));
    put_place(&p);
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
        file_put(f);
        return err;
    }
    struct node *n = find(dirfd, upath, !(flags & AT_SYMLINK_NOFOLLOW));
    return IS_ERR(n) ? PTR_ERR(n) : stat_node(n, ustat);
}

// Every program is root. So it may read everything, and write everything but files of the archive.
// Only the right to execute can be missing.
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
    put_place(&p);
    return err;
}

static s64 make(int dirfd, u64 upath, u32 mode, const char *text)
{
    struct place p;
    int err = get_place(&p, dirfd, upath);
    if (err)
        return err;
    err = vfs_make(p.at, p.path, mode, text);
    put_place(&p);
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
        put_place(&to);
    }
    put_place(&p);
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
    put_place(&p);
    if (IS_ERR(f))
        return PTR_ERR(f);
    s64 result = sys_ftruncate(f, size);
    file_put(f);
    return result;
}

// ---- what a node is said to be ----

// The caller's reference to n is dropped.
static s64 set_mode(struct node *n, u32 mode)
{
    bool tmp = n->tmp;
    if (tmp) {
        n->mode = (n->mode & S_IFMT) | (mode & 07777);
        node_was_changed(n);
    }
    node_put(n);
    return tmp ? 0 : -EROFS;
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
static s64 set_owner(struct node *n, u32 uid, u32 gid)
{
    if ((s32)uid > 0 || (s32)gid > 0)
        return -EPERM;
    if (n && n->tmp)
        node_was_changed(n);
    return 0;
}

s64 sys_fchown(struct file *f, u32 uid, u32 gid)
{
    return set_owner(f->node, uid, gid);
}

s64 sys_fchownat(int dirfd, u64 upath, u32 uid, u32 gid, int flags)
{
    struct node *n = find(dirfd, upath, !(flags & AT_SYMLINK_NOFOLLOW));
    if (IS_ERR(n))
        return PTR_ERR(n);
    s64 err = set_owner(n, uid, gid);
    node_put(n);
    return err;
}

// The node of an open file, with a reference, or ERR_PTR.
static struct node *node_of(int fd)
{
    struct file *f = fd_get(current_process()->fds, fd);
    struct node *n = f ? f->node : NULL;
    if (n)
        node_get(n);
    file_put(f);
    return n ? n : ERR_PTR(-EBADF);
}

static bool bad_time(const struct file_time *t)
{
    return t->nsec != UTIME_NOW && t->nsec != UTIME_OMIT && (u64)t->nsec >= NS_PER_SEC;
}

static void set_time(struct file_time *to, const struct file_time *t, const struct file_time *now)
{
    if (t->nsec != UTIME_OMIT)
        *to = t->nsec == UTIME_NOW ? *now : *t;
}

s64 sys_utimensat(int dirfd, u64 upath, u64 utimes, int flags)
{
    struct file_time times[2] = {{.nsec = UTIME_NOW}, {.nsec = UTIME_NOW}};
    if (utimes && get_user(times, utimes))
        return -EFAULT;
    if (times[0].nsec == UTIME_OMIT && times[1].nsec == UTIME_OMIT)
        return 0; // without a look at the path, as on Linux
    if (bad_time(&times[0]) || bad_time(&times[1]) || (flags & ~AT_SYMLINK_NOFOLLOW))
        return -EINVAL;
    struct node *n = upath ? find(dirfd, upath, !(flags & AT_SYMLINK_NOFOLLOW)) : node_of(dirfd);
    if (IS_ERR(n))
        return PTR_ERR(n);
    bool tmp = n->tmp;
    if (tmp) {
        node_was_changed(n);
        set_time(&n->atime, &times[0], &n->ctime);
        set_time(&n->mtime, &times[1], &n->ctime);
    }
    node_put(n);
    return tmp ? 0 : -EROFS;
}

s64 sys_fstatfs(struct file *f, u64 ubuf)
{
    return node_statfs(f->node, ubuf);
}

s64 sys_statfs(u64 upath, u64 ubuf)
{
    struct node *n = find(AT_FDCWD, upath, true);
    if (IS_ERR(n))
        return PTR_ERR(n);
    s64 err = node_statfs(n, ubuf);
    node_put(n);
    return err;
}

// ---- the working directory ----

s64 sys_getcwd(u64 ubuf, size_t size)
{
    char *path = kalloc(FS_PATH_MAX);
    if (!path)
        return -ENOMEM;
    struct node *cwd = process_cwd(current_process());
    mutex_lock(&fs_tree_lock);
    s64 got = cwd->gone ? -ENOENT : node_path(cwd, path, FS_PATH_MAX);
    mutex_unlock(&fs_tree_lock);
    node_put(cwd);
    size_t len = strlen(path) + 1;
    if (!got && size < len)
        got = -ERANGE;
    if (!got)
        got = copy_to_user(ubuf, path, len) ? -EFAULT : (s64)len;
    kfree(path);
    return got;
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
    mutex_lock(&proc_lock);
    struct node *cwd = p->cwd;
    node_get(cwd);
    mutex_unlock(&proc_lock);
    return cwd;
}

// The caller's reference to n goes to the process, or is dropped.
static s64 change_directory(struct node *n)
{
    bool fits = node_is(n, S_IFDIR);
    struct node *old = n;
    if (fits) {
        mutex_lock(&proc_lock);
        old = current_process()->cwd;
        current_process()->cwd = n;
        mutex_unlock(&proc_lock);
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
