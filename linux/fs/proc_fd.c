// /proc/PID/fd has a link for each descriptor of a process (proc(5)). Such a link leads to the open
// file itself, also when the file has no name any more.
#include "linux/fs/procfs.h"
#include "linux/task/process.h"

// Inode numbers of the links: FD_INO + pid * MAX_FDS + descriptor + 1, above all others.
#define FD_INO (1ull << 50)

static u64 ino_below(const struct node *dir)
{
    return FD_INO + (u64)(u32)dir->arg * MAX_FDS;
}

// The first open descriptor >= from, with its file and a reference to it. NULL: there is none.
static struct file *next_file(u32 pid, u32 from, u32 *fd)
{
    struct process *p = process_of(pid);
    struct file *f = NULL;
    if (!p)
        return NULL;
    mutex_lock(&proc_lock);
    for (*fd = from; p->fds && !f && *fd < MAX_FDS; *fd += !f)
        f = fd_get(p->fds, *fd);
    mutex_unlock(&proc_lock);
    process_put(p);
    return f;
}

static struct file *file_of(u32 pid, u32 fd)
{
    u32 found;
    struct file *f = next_file(pid, fd, &found);
    if (!f || found == fd)
        return f;
    file_put(f);
    return NULL;
}

static struct file *file_of_link(const struct node *link)
{
    return file_of((u32)link->arg, link->arg >> 32);
}

static u32 link_mode(const struct file *f)
{
    u32 mode = f->flags & O_ACCMODE;
    return S_IFLNK | 0100 | (mode == O_WRONLY ? 0 : 0400) | (mode == O_RDONLY ? 0 : 0200);
}

static int name_of(struct file *f, char *buf, size_t size)
{
    if (!f->node)
        return snprintf(buf, size, "%s", f->ops->name);
    if (node_is_pipe(f->node))
        return snprintf(buf, size, "pipe:[%lu]", f->node->ino);
    mutex_lock(&fs_tree_lock);
    bool gone = f->node->gone;
    int err = node_path(f->node, buf, size);
    mutex_unlock(&fs_tree_lock);
    if (err)
        return err;
    size_t len = strlen(buf);
    return len + snprintf(buf + len, size - len, "%s", gone ? " (deleted)" : "");
}

static int fd_readlink(struct node *link, char *buf, size_t size)
{
    struct file *f = file_of_link(link);
    int len = f ? name_of(f, buf, size) : -ENOENT;
    file_put(f);
    return len < (int)size ? len : -ENAMETOOLONG;
}

// Files without a node cannot be opened again. Linux says ENXIO, too.
static struct node *fd_follow(struct node *link)
{
    struct file *f = file_of_link(link);
    struct node *to = !f ? ERR_PTR(-ENOENT) : f->node ? f->node : ERR_PTR(-ENXIO);
    if (!IS_ERR(to))
        node_get(to);
    file_put(f);
    return to;
}

static struct node *fd_lookup(struct node *dir, const char *name, size_t len)
{
    static const struct node_ops ops = {.readlink = fd_readlink, .follow = fd_follow};
    u32 fd;
    struct file *f = parse_id(name, len, &fd) ? file_of((u32)dir->arg, fd) : NULL;
    if (!f)
        return NULL;
    struct node *n = node_new(dir, name, len, link_mode(f), ino_below(dir) + fd + 1);
    file_put(f);
    if (!n)
        return ERR_PTR(-ENOMEM);
    n->ops = &ops;
    n->arg = (u32)dir->arg | (u64)fd << 32;
    return n;
}

static bool fd_next(struct node *dir, u64 after, struct dir_entry *e)
{
    u64 start = ino_below(dir);
    u32 fd;
    struct file *f = next_file((u32)dir->arg, after > start ? after - start : 0, &fd);
    if (!f)
        return false;
    e->ino = start + fd + 1;
    e->mode = link_mode(f);
    snprintf(e->name, sizeof(e->name), "%u", fd);
    file_put(f);
    return true;
}

const struct node_ops proc_fd_ops = {.lookup = fd_lookup, .next = fd_next};
