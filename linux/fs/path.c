// Finds the node of a path, and makes, removes and renames nodes.
#include "kernel/base/string.h"
#include "kernel/mm/heap.h"
#include "linux/fs/vfs.h"

#define MAX_LINKS     40  // links on one path; -ELOOP above it (path_resolution(7))
#define MADE_LINK_MAX 256 // bytes of the longest text of a computed link

// Finds the text of a link. *text points to the place where it is kept, or to buf. Returns its
// length, or -errno.
static ssize_t link_text(struct node *n, char buf[MADE_LINK_MAX], const char **text)
{
    bool made = n->ops && n->ops->readlink;
    node_was_read(n);
    *text = made ? buf : n->data;
    return made ? n->ops->readlink(n, buf, MADE_LINK_MAX) : (ssize_t)n->size;
}

// The child with this name, with a reference, or ERR_PTR.
static struct node *lookup_child(struct node *dir, const char *name, size_t len)
{
    mutex_lock(&fs_tree_lock);
    struct node *n = node_child(dir, name, len);
    if (n)
        node_get(n);
    mutex_unlock(&fs_tree_lock);
    if (!n && dir->ops && dir->ops->lookup)
        n = dir->ops->lookup(dir, name, len);
    return n ? n : ERR_PTR(-ENOENT);
}

// True for "." and "..".
static bool is_dots(const char *name, size_t len)
{
    return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

// One step down (or up) from `dir`: a node with a reference, or ERR_PTR.
static struct node *step(struct node *dir, const char *name, size_t len)
{
    if (!node_is(dir, S_IFDIR))
        return ERR_PTR(-ENOTDIR);
    if (len > FS_NAME_MAX)
        return ERR_PTR(-ENAMETOOLONG);
    if (!is_dots(name, len))
        return lookup_child(dir, name, len);
    mutex_lock(&fs_tree_lock);
    struct node *n = len == 1 ? dir : node_parent(dir);
    node_get(n);
    mutex_unlock(&fs_tree_lock);
    return n;
}

// A walk along a path. It ends, because it follows at most MAX_LINKS links.
struct walk {
    struct node *at;        // how far it has come, with a reference
    const char *path, *end; // the rest of the path
    char *own;              // the buffer of the path, after a link was followed
    int links;              // how many it has followed
    const char *missing;    // the name that was not found in `at`; it ends at `path`
};

static void go_to(struct walk *w, struct node *n)
{
    node_put(w->at);
    w->at = n;
}

// Goes where the link leads, or puts its text in front of the rest of the path. 0 or -errno.
static int follow_link(struct walk *w, struct node *link)
{
    char made[MADE_LINK_MAX];
    const char *text;
    size_t rest = w->end - w->path;
    if (link->ops && link->ops->follow) {
        struct node *to = link->ops->follow(link);
        if (IS_ERR(to))
            return PTR_ERR(to);
        go_to(w, to);
        return 0;
    }
    if (w->links++ == MAX_LINKS)
        return -ELOOP;
    ssize_t len = link_text(link, made, &text);
    if (len < 0)
        return len;
    char *own = kalloc(len + rest);
    if (!own)
        return -ENOMEM;
    memcpy(own, text, len);
    memcpy(own + len, w->path, rest);
    kfree(w->own);
    w->path = w->own = own;
    w->end = own + len + rest;
    if (*own == '/') {
        node_get(fs_root);
        go_to(w, fs_root);
    }
    return 0;
}

// Walks on by one name. 0 or -errno.
static int walk_on(struct walk *w, bool follow)
{
    const char *name;
    for (; w->path < w->end && *w->path == '/'; w->path++)
        ;
    for (name = w->path; w->path < w->end && *w->path != '/'; w->path++)
        ;
    if (sched_killed())
        return -EINTR;
    bool slashes = name == w->path; // the path ends with '/': it must be a directory
    struct node *n = step(w->at, slashes ? "." : name, slashes ? 1 : w->path - name);
    if (IS_ERR(n)) {
        w->missing = name;
        return PTR_ERR(n);
    }
    if (!node_is(n, S_IFLNK) || !(follow || w->path < w->end)) {
        go_to(w, n);
        return 0;
    }
    int err = follow_link(w, n);
    node_put(n);
    return err;
}

// 0 or -errno. In both cases the caller puts w->at and frees w->own.
static int walk_all(struct walk *w, struct node *at, const char *path, size_t len, bool follow)
{
    *w = (struct walk){.at = len && *path == '/' ? fs_root : at, .path = path, .end = path + len};
    int err = len ? 0 : -ENOENT;
    node_get(w->at);
    while (!err && w->path < w->end)
        err = walk_on(w, follow);
    return err;
}

static struct node *walk(struct node *at, const char *path, size_t len, bool follow)
{
    struct walk w;
    int err = walk_all(&w, at, path, len, follow);
    kfree(w.own);
    if (!err)
        return w.at;
    node_put(w.at);
    return ERR_PTR(err);
}

struct node *vfs_lookup(struct node *at, const char *path, bool follow)
{
    size_t len = strlen(path);
    return len < FS_PATH_MAX ? walk(at, path, len, follow) : ERR_PTR(-ENAMETOOLONG);
}

// The last name of a path.
struct last {
    struct node *dir; // with a reference
    const char *name; // points into the path
    size_t len;
    bool slashes; // there are slashes after the name
};

// 0 or -errno. The error is `no_name` when the path does not end in a name ("/", ".", "..").
static int find_last(struct last *l, struct node *at, const char *path, int no_name)
{
    size_t end = strlen(path), start;
    if (!end)
        return -ENOENT;
    while (end && path[end - 1] == '/')
        end--;
    for (start = end; start && path[start - 1] != '/';)
        start--;
    *l = (struct last){.name = path + start, .len = end - start, .slashes = path[end]};
    if (!l->len || is_dots(l->name, l->len))
        return no_name;
    if (l->len > FS_NAME_MAX)
        return -ENAMETOOLONG;
    l->dir = start ? walk(at, path, start, true) : walk(at, ".", 1, true);
    if (IS_ERR(l->dir))
        return PTR_ERR(l->dir);
    if (node_is(l->dir, S_IFDIR))
        return 0;
    node_put(l->dir);
    return -ENOTDIR;
}

// Tree lock held.
static struct node *make(const struct last *l, u32 mode, const char *text)
{
    if (!node_is_writable_dir(l->dir))
        return ERR_PTR(-EROFS);
    if (l->dir->gone)
        return ERR_PTR(-ENOENT);
    return l->dir->ops->create(l->dir, l->name, l->len, mode, text);
}

// Makes the missing file at the end of a path, to which a link may have led (open(2), O_CREAT).
// Returns the new node. Without O_EXCL the node may also be one that another task has made
// meanwhile.
static struct node *create(const struct walk *w, u32 flags, u32 mode)
{
    struct last l = {.dir = w->at, .name = w->missing, .len = w->path - w->missing};
    const char *rest = w->path;
    while (rest < w->end && *rest == '/')
        rest++;
    if (rest < w->end)
        return ERR_PTR(-ENOENT); // a directory on the way
    if (rest > w->path)
        return ERR_PTR(-EISDIR);
    mutex_lock(&fs_tree_lock);
    struct node *n = node_child(l.dir, l.name, l.len);
    if (!n)
        n = make(&l, S_IFREG | mode, NULL);
    else if (flags & O_EXCL)
        n = ERR_PTR(-EEXIST);
    else
        node_get(n);
    mutex_unlock(&fs_tree_lock);
    return n;
}

int vfs_make(struct node *at, const char *path, u32 mode, const char *text)
{
    struct last l;
    struct node *n;
    int err = find_last(&l, at, path, -EEXIST);
    if (err)
        return err;
    mutex_lock(&fs_tree_lock);
    if (node_child(l.dir, l.name, l.len))
        n = ERR_PTR(-EEXIST);
    else if (text && l.slashes)
        n = ERR_PTR(-ENOENT);
    else
        n = make(&l, mode, text);
    mutex_unlock(&fs_tree_lock);
    node_put(l.dir);
    if (IS_ERR(n))
        return PTR_ERR(n);
    node_put(n);
    return 0;
}

// Takes n out of its directory. The list's reference belongs to the caller now. Tree lock held.
static void unlink(struct node *n)
{
    list_del(&n->sibling);
    n->gone = true;
    node_was_written(node_parent(n));
    node_was_changed(n);
}

int vfs_unlink(struct node *at, const char *path, bool directory)
{
    struct last l;
    int err = find_last(&l, at, path, directory ? -EINVAL : -EISDIR);
    if (err)
        return err;
    mutex_lock(&fs_tree_lock);
    struct node *n = node_child(l.dir, l.name, l.len);
    bool is_dir = n && node_is(n, S_IFDIR);
    if (!n)
        err = -ENOENT;
    else if (is_dir && !directory)
        err = -EISDIR;
    else if (!is_dir && (directory || l.slashes))
        err = -ENOTDIR;
    else if (!node_is_writable_dir(l.dir))
        err = -EROFS;
    else if (!list_empty(&n->children))
        err = -ENOTEMPTY;
    else
        unlink(n);
    mutex_unlock(&fs_tree_lock);
    if (!err)
        node_put(n);
    node_put(l.dir);
    return err;
}

// Whether n may get the name `to`. The node `old` has this name now. With `old` NULL no node has
// it. 0 or -errno. Tree lock held.
static int may_rename(const struct node *n, const struct last *to, const struct node *old)
{
    bool is_dir = node_is(n, S_IFDIR);
    if (!node_is_writable_dir(node_parent(n)) || !node_is_writable_dir(to->dir))
        return -EROFS;
    if (to->dir->gone)
        return -ENOENT;
    if (!is_dir && to->slashes)
        return -ENOTDIR;
    for (const struct node *d = to->dir; d != fs_root; d = node_parent(d))
        if (d == n)
            return -EINVAL;
    if (!old)
        return 0;
    if (node_is(old, S_IFDIR) != is_dir)
        return is_dir ? -ENOTDIR : -EISDIR;
    return list_empty(&old->children) ? 0 : -ENOTEMPTY;
}

// Gives n its new name. Returns its old directory, whose reference belongs to the caller now. Tree
// lock held.
static struct node *move(struct node *n, const struct last *to)
{
    struct node *from = node_parent(n);
    node_was_written(from);
    node_was_written(to->dir);
    node_was_changed(n);
    list_del(&n->sibling);
    memcpy(n->name, to->name, to->len);
    n->name[to->len] = '\0';
    n->parent = to->dir;
    node_get(to->dir);
    node_link(n);
    return from;
}

static int rename(const struct last *from, const struct last *to)
{
    struct node *left = NULL;
    mutex_lock(&fs_tree_lock);
    struct node *n = node_child(from->dir, from->name, from->len);
    struct node *old = node_child(to->dir, to->name, to->len);
    int err = n ? may_rename(n, to, old) : -ENOENT;
    if (!err && from->slashes && !node_is(n, S_IFDIR))
        err = -ENOTDIR;
    bool moves = !err && n != old;
    if (moves && old)
        unlink(old);
    if (moves)
        left = move(n, to);
    mutex_unlock(&fs_tree_lock);
    if (moves)
        node_put(old);
    node_put(left);
    return err;
}

int vfs_rename(struct node *at, const char *path, struct node *to_at, const char *to_path)
{
    struct last from, to;
    int err = find_last(&from, at, path, -EBUSY);
    if (err)
        return err;
    err = find_last(&to, to_at, to_path, -EBUSY);
    if (!err) {
        err = rename(&from, &to);
        node_put(to.dir);
    }
    node_put(from.dir);
    return err;
}

static int may_open(const struct node *n, u32 flags)
{
    bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
    if (node_is(n, S_IFLNK))
        return -ELOOP;
    if (node_is_pipe(n)) // found by /proc/PID/fd. A pipe's ends are opened only once, together
        return -ENXIO;
    if (node_is(n, S_IFDIR) && (writes || (flags & O_CREAT)))
        return -EISDIR;
    if (!node_is(n, S_IFDIR) && (flags & O_DIRECTORY))
        return -ENOTDIR;
    if (writes && !n->fops->write)
        return n->mode & 0222 ? -EROFS : -EACCES;
    return 0;
}

static struct node *find_or_create(struct node *at, const char *path, u32 flags, u32 mode)
{
    bool exclusive = (flags & O_CREAT) && (flags & O_EXCL);
    struct walk w;
    struct node *n = NULL;
    int err = walk_all(&w, at, path, strlen(path), !(flags & O_NOFOLLOW) && !exclusive);
    if (!err && exclusive)
        n = ERR_PTR(-EEXIST);
    else if (err == -ENOENT && (flags & O_CREAT) && w.missing)
        n = create(&w, flags, mode);
    else if (err)
        n = ERR_PTR(err);
    kfree(w.own);
    if (!n)
        return w.at;
    node_put(w.at);
    return n;
}

// After a new file has been created nothing can fail.
struct file *vfs_open(struct node *at, const char *path, u32 flags, u32 mode)
{
    struct file *f = file_alloc();
    if (IS_ERR(f))
        return f;
    struct node *n = find_or_create(at, path, flags, mode);
    int err = IS_ERR(n) ? PTR_ERR(n) : may_open(n, flags);
    if (err)
        file_free(f);
    else
        file_init(f, n->fops, n, NULL, flags);
    if (!IS_ERR(n))
        node_put(n);
    if (err)
        return ERR_PTR(err);
    if (f->ops->open)
        err = f->ops->open(f);
    if (!err && (flags & O_TRUNC) && f->ops->truncate)
        err = f->ops->truncate(f, 0);
    if (!err)
        return f;
    file_put(f);
    return ERR_PTR(err);
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
