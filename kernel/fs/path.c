// From a path to its node, and what is done with nodes by name.
#include "kernel/base/string.h"
#include "kernel/fs/vfs.h"

#define MAX_LINKS     8   // nested links in one path; more give -ELOOP
#define MADE_LINK_MAX 256 // longest text of a computed link

// The text of a link, at `buf` or where it always is.
static ssize_t link_text(struct node *n, char buf[MADE_LINK_MAX], const char **text)
{
    bool made = n->ops && n->ops->readlink;
    *text = made ? buf : n->data;
    return made ? n->ops->readlink(n, buf, MADE_LINK_MAX) : (ssize_t)n->size;
}

// With a reference, or ERR_PTR.
static struct node *lookup_child(struct node *dir, const char *name, size_t len)
{
    struct node *n;
    mutex_lock(&fs_tree_lock);
    n = node_child(dir, name, len);
    if (n)
        node_get(n);
    mutex_unlock(&fs_tree_lock);
    if (!n && dir->ops && dir->ops->lookup)
        n = dir->ops->lookup(dir, name, len);
    return n ? n : ERR_PTR(-ENOENT);
}

static struct node *walk(struct node *at, const char *path, size_t len, bool follow, int depth);

// What `link`, found in `dir`, leads to.
static struct node *follow_link(struct node *dir, struct node *link, int depth)
{
    char buf[MADE_LINK_MAX];
    const char *text;
    if (depth == MAX_LINKS)
        return ERR_PTR(-ELOOP);
    ssize_t len = link_text(link, buf, &text);
    return len < 0 ? ERR_PTR(len) : walk(dir, text, len, true, depth + 1);
}

// One step down (or up) from `dir`. `follow` links.
static struct node *step(struct node *dir, const char *name, size_t len, bool follow, int depth)
{
    if (!node_is(dir, S_IFDIR))
        return ERR_PTR(-ENOTDIR);
    if (len > FS_NAME_MAX)
        return ERR_PTR(-ENAMETOOLONG);
    if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))) {
        struct node *n = len == 1 ? dir : dir->parent;
        node_get(n);
        return n;
    }
    struct node *n = lookup_child(dir, name, len);
    if (IS_ERR(n) || !node_is(n, S_IFLNK) || !follow)
        return n;
    struct node *target = follow_link(dir, n, depth);
    node_put(n);
    return target;
}

static struct node *walk(struct node *at, const char *path, size_t len, bool follow, int depth)
{
    const char *end = path + len, *name;
    if (len == 0)
        return ERR_PTR(-ENOENT);
    if (*path == '/')
        at = fs_root;
    node_get(at);
    while (path < end) {
        for (; path < end && *path == '/'; path++)
            ;
        for (name = path; path < end && *path != '/'; path++)
            ;
        struct node *next;
        if (name == path) // slashes at the end
            next = step(at, ".", 1, false, depth);
        else
            next = step(at, name, path - name, follow || path < end, depth);
        node_put(at);
        if (IS_ERR(next))
            return next;
        at = next;
    }
    return at;
}

struct node *vfs_lookup(struct node *at, const char *path, bool follow)
{
    size_t len = strlen(path);
    return len < FS_PATH_MAX ? walk(at, path, len, follow, 0) : ERR_PTR(-ENAMETOOLONG);
}

// The directory that a path's last name is in, with a reference, or ERR_PTR. -EISDIR when the path
// ends in no name.
static struct node *lookup_parent(struct node *at, const char *path, const char **name)
{
    const char *last = path;
    for (const char *p = path; *p; p++)
        if (*p == '/')
            last = p + 1;
    *name = last;
    if (!*last || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
        return ERR_PTR(*path ? -EISDIR : -ENOENT);
    if (strlen(last) > FS_NAME_MAX)
        return ERR_PTR(-ENAMETOOLONG);
    struct node *dir =
        last == path ? walk(at, ".", 1, true, 0) : walk(at, path, last - path, true, 0);
    if (!IS_ERR(dir) && !node_is(dir, S_IFDIR)) {
        node_put(dir);
        return ERR_PTR(-ENOTDIR);
    }
    return dir;
}

// The new node, or one that somebody made meanwhile unless O_EXCL.
static struct node *create(struct node *at, const char *path, u32 flags)
{
    const char *name;
    struct node *dir = lookup_parent(at, path, &name), *n;
    if (IS_ERR(dir))
        return dir;
    mutex_lock(&fs_tree_lock);
    n = node_child(dir, name, strlen(name));
    if (n && node_is(n, S_IFLNK))
        n = ERR_PTR(-ENOENT); // a link that leads nowhere
    else if (n && (flags & O_EXCL))
        n = ERR_PTR(-EEXIST);
    else if (n)
        node_get(n);
    else if (dir->ops && dir->ops->create)
        n = dir->ops->create(dir, name, strlen(name));
    else
        n = ERR_PTR(-EROFS);
    mutex_unlock(&fs_tree_lock);
    node_put(dir);
    return n;
}

static struct file *open_node(struct node *n, u32 flags)
{
    bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
    int err = 0;
    if (node_is(n, S_IFLNK))
        return ERR_PTR(-ELOOP);
    if (node_is(n, S_IFDIR) && (writes || (flags & O_CREAT)))
        return ERR_PTR(-EISDIR);
    if (!node_is(n, S_IFDIR) && (flags & O_DIRECTORY))
        return ERR_PTR(-ENOTDIR);
    if (writes && !n->fops->write)
        return ERR_PTR(n->mode & 0222 ? -EROFS : -EACCES);
    struct file *f = file_new(n->fops, n, NULL, flags);
    if (!f)
        return ERR_PTR(-ENOMEM);
    if (f->ops->open)
        err = f->ops->open(f);
    if (!err && (flags & O_TRUNC) && f->ops->truncate)
        err = f->ops->truncate(f, 0);
    if (!err)
        return f;
    file_put(f);
    return ERR_PTR(err);
}

struct file *vfs_open(struct node *at, const char *path, u32 flags)
{
    bool exclusive = (flags & O_CREAT) && (flags & O_EXCL);
    if ((flags & O_ACCMODE) == O_ACCMODE)
        return ERR_PTR(-EINVAL);
    struct node *n = vfs_lookup(at, path, !(flags & O_NOFOLLOW) && !exclusive);
    if (IS_ERR(n) && PTR_ERR(n) == -ENOENT && (flags & O_CREAT)) {
        n = create(at, path, flags);
    } else if (!IS_ERR(n) && exclusive) {
        node_put(n);
        n = ERR_PTR(-EEXIST);
    }
    if (IS_ERR(n))
        return ERR_PTR(PTR_ERR(n));
    struct file *f = open_node(n, flags);
    node_put(n);
    return f;
}

int vfs_unlink(struct node *at, const char *path)
{
    const char *name;
    struct node *dir = lookup_parent(at, path, &name), *n;
    int err = 0;
    if (IS_ERR(dir))
        return PTR_ERR(dir);
    mutex_lock(&fs_tree_lock);
    n = node_child(dir, name, strlen(name));
    if (!n)
        err = -ENOENT;
    else if (node_is(n, S_IFDIR))
        err = -EISDIR;
    else if (!dir->ops || !dir->ops->create)
        err = -EROFS;
    else
        list_del(&n->sibling);
    mutex_unlock(&fs_tree_lock);
    if (!err)
        node_put(n);
    node_put(dir);
    return err;
}

ssize_t node_readlink(struct node *n, char *buf, size_t size)
{
    char made[MADE_LINK_MAX];
    const char *text;
    if (!node_is(n, S_IFLNK))
        return -EINVAL;
    ssize_t len = link_text(n, made, &text);
    if (len > 0)
        memcpy(buf, text, len = MIN(len, (ssize_t)size));
    return len;
}
