// From a path to its node, and what is done with nodes by name.
#include "kernel/base/string.h"
#include "kernel/fs/vfs.h"

#define MAX_LINKS     8   // nested links in one path; more give -ELOOP
#define MADE_LINK_MAX 256 // longest text of a computed link

// The text of a link, at `buf` or where it always is.
static ssize_t link_text(struct node *n, char buf[MADE_LINK_MAX], const char **text)
{
    if (n->ops && n->ops->readlink) {
        *text = buf;
        return n->ops->readlink(n, buf, MADE_LINK_MAX);
    }
    *text = (const char *)n->data;
    return n->size;
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

static struct node *walk(struct node *start, const char *path, size_t len, bool follow, int depth);

// What `link`, found in `dir`, leads to.
static struct node *follow_link(struct node *dir, struct node *link, int depth)
{
    char buf[MADE_LINK_MAX];
    const char *text;
    ssize_t len;
    if (depth == MAX_LINKS)
        return ERR_PTR(-ELOOP);
    len = link_text(link, buf, &text);
    return len < 0 ? ERR_PTR(len) : walk(dir, text, len, true, depth + 1);
}

// One step down (or up) from `dir`. `follow` links.
static struct node *step(struct node *dir, const char *name, size_t len, bool follow, int depth)
{
    struct node *n, *target;
    if (!node_is(dir, S_IFDIR))
        return ERR_PTR(-ENOTDIR);
    if (len > FS_NAME_MAX)
        return ERR_PTR(-ENAMETOOLONG);
    if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))) {
        n = len == 1 ? dir : dir->parent;
        node_get(n);
        return n;
    }
    n = lookup_child(dir, name, len);
    if (IS_ERR(n) || !node_is(n, S_IFLNK) || !follow)
        return n;
    target = follow_link(dir, n, depth);
    node_put(n);
    return target;
}

static struct node *walk(struct node *start, const char *path, size_t len, bool follow, int depth)
{
    const char *end = path + len;
    struct node *at, *next;
    if (len == 0)
        return ERR_PTR(-ENOENT);
    at = *path == '/' ? fs_root : start;
    node_get(at);
    while (path < end) {
        const char *name;
        for (; path < end && *path == '/'; path++)
            ;
        for (name = path; path < end && *path != '/'; path++)
            ;
        if (name == path) { // slashes at the end
            if (node_is(at, S_IFDIR))
                break;
            node_put(at);
            return ERR_PTR(-ENOTDIR);
        }
        next = step(at, name, path - name, follow || path < end, depth);
        node_put(at);
        if (IS_ERR(next))
            return next;
        at = next;
    }
    return at;
}

static struct node *lookup_len(const char *cwd, const char *path, size_t len, bool follow)
{
    struct node *start, *n;
    if (len >= FS_PATH_MAX)
        return ERR_PTR(-ENAMETOOLONG);
    if (*path == '/')
        return walk(fs_root, path, len, follow, 0);
    start = walk(fs_root, cwd, strlen(cwd), true, 0);
    if (IS_ERR(start))
        return start;
    n = walk(start, path, len, follow, 0);
    node_put(start);
    return n;
}

struct node *vfs_lookup(const char *cwd, const char *path, bool follow)
{
    return lookup_len(cwd, path, strlen(path), follow);
}

// The directory that a path's last name is in, with a reference, or ERR_PTR. -EISDIR when the path
// ends in no name.
static struct node *lookup_parent(const char *cwd, const char *path, const char **name)
{
    size_t len = strlen(path);
    struct node *dir;
    *name = path;
    for (const char *p = path; *p; p++) {
        if (*p == '/')
            *name = p + 1;
    }
    if (!**name || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
        return ERR_PTR(len ? -EISDIR : -ENOENT);
    if (strlen(*name) > FS_NAME_MAX)
        return ERR_PTR(-ENAMETOOLONG);
    dir = *name == path ? lookup_len(cwd, ".", 1, true) : lookup_len(cwd, path, *name - path, true);
    if (!IS_ERR(dir) && !node_is(dir, S_IFDIR)) {
        node_put(dir);
        return ERR_PTR(-ENOTDIR);
    }
    return dir;
}

// The new node, or one that somebody made meanwhile unless O_EXCL.
static struct node *create(const char *cwd, const char *path, u32 flags)
{
    struct node *dir, *n;
    const char *name;
    dir = lookup_parent(cwd, path, &name);
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
    if (node_is(n, S_IFLNK))
        return ERR_PTR(-ELOOP);
    if (node_is(n, S_IFDIR)) {
        if (writes || (flags & O_CREAT))
            return ERR_PTR(-EISDIR);
    } else if (flags & O_DIRECTORY) {
        return ERR_PTR(-ENOTDIR);
    }
    if (n->ops && n->ops->open)
        return n->ops->open(n, flags);
    return writes ? ERR_PTR(-EROFS) : node_open_plain(n, flags);
}

struct file *vfs_open_at(const char *cwd, const char *path, u32 flags)
{
    bool exclusive = (flags & O_CREAT) && (flags & O_EXCL);
    struct node *n;
    struct file *f;
    if ((flags & O_ACCMODE) == O_ACCMODE)
        return ERR_PTR(-EINVAL);
    n = vfs_lookup(cwd, path, !(flags & O_NOFOLLOW) && !exclusive);
    if (IS_ERR(n) && PTR_ERR(n) == -ENOENT && (flags & O_CREAT)) {
        n = create(cwd, path, flags);
    } else if (!IS_ERR(n) && exclusive) {
        node_put(n);
        n = ERR_PTR(-EEXIST);
    }
    if (IS_ERR(n))
        return ERR_PTR(PTR_ERR(n));
    f = open_node(n, flags);
    node_put(n);
    return f;
}

struct file *vfs_open(const char *path, u32 flags)
{
    return vfs_open_at("/", path, flags);
}

int vfs_stat(const char *cwd, const char *path, bool follow, struct stat *st)
{
    struct node *n = vfs_lookup(cwd, path, follow);
    if (IS_ERR(n))
        return PTR_ERR(n);
    node_stat(n, st);
    node_put(n);
    return 0;
}

int vfs_lookup_bytes(const char *cwd, const char *path, const u8 **data, u64 *len)
{
    struct node *n = vfs_lookup(cwd, path, true);
    int err = 0;
    if (IS_ERR(n))
        return PTR_ERR(n);
    if (node_is(n, S_IFREG) && !n->ops && (n->mode & 0111)) {
        *data = n->data;
        *len = n->size;
    } else {
        err = -EACCES;
    }
    node_put(n);
    return err;
}

int vfs_unlink(const char *cwd, const char *path)
{
    struct node *dir, *n;
    const char *name;
    int err = 0;
    dir = lookup_parent(cwd, path, &name);
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

ssize_t vfs_readlink(const char *cwd, const char *path, char *buf, size_t size)
{
    struct node *n = vfs_lookup(cwd, path, false);
    char made[MADE_LINK_MAX];
    const char *text;
    ssize_t len = -EINVAL;
    if (IS_ERR(n))
        return PTR_ERR(n);
    if (node_is(n, S_IFLNK))
        len = link_text(n, made, &text);
    if (len > 0) {
        len = MIN(len, (ssize_t)size);
        memcpy(buf, text, len);
    }
    node_put(n);
    return len;
}

int vfs_chdir(char cwd[FS_CWD_MAX], const char *path)
{
    struct node *n = vfs_lookup(cwd, path, true);
    char made[FS_CWD_MAX];
    int err;
    if (IS_ERR(n))
        return PTR_ERR(n);
    err = node_is(n, S_IFDIR) ? node_path(n, made, sizeof(made)) : -ENOTDIR;
    node_put(n);
    if (err)
        return err == -ERANGE ? -ENAMETOOLONG : err;
    strcopy(cwd, made, FS_CWD_MAX);
    return 0;
}
