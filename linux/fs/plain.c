// Files that are opened on nodes: directories, and files whose bytes never change.
#include "arch/x86/uaccess.h"
#include "kernel/base/string.h"
#include "linux/fs/vfs.h"

ssize_t read_buffer(u64 ubuf, size_t n, u64 *pos, const void *buf, u64 size)
{
    if (*pos >= size)
        return 0;
    n = MIN(n, size - *pos);
    size_t done = 0, piece;
    for (; done < n && !sched_killed(); done += piece) {
        piece = user_piece(ubuf + done, n - done);
        if (copy_to_user(ubuf + done, (const u8 *)buf + *pos + done, piece))
            break;
    }
    *pos += done;
    return done || !n ? (ssize_t)done : -EFAULT;
}

static ssize_t bytes_read(struct file *f, u64 ubuf, size_t n, u64 *pos)
{
    return read_buffer(ubuf, n, pos, f->node->data, f->node->size);
}

const struct file_ops bytes_ops = {.seek = SEEKS_NODE_SIZE, .read = bytes_read};

struct node *vfs_bytes_node(struct file *f)
{
    return f->ops == &bytes_ops ? f->node : NULL;
}

struct node *vfs_node_of_byte(struct node *dir, const u8 *byte)
{
    struct node *n, *found = NULL;
    list_for_each (n, &dir->children, sibling) {
        const u8 *data = n->data;
        if (node_is(n, S_IFDIR) && !n->ops)
            found = vfs_node_of_byte(n, byte);
        else if (n->fops == &bytes_ops && byte >= data && byte < data + n->size)
            found = n;
        if (found)
            break;
    }
    return found;
}

// ---- directories ----

// A directory's position is the inode number of the entry that was listed last. Inode numbers grow
// along the list. So a listing goes on at the right place when names come and go between two calls.
#define POS_DOT    1
#define POS_DOTDOT 2

struct listing {
    u64 ubuf;
    size_t size, done;
    u64 pos;
};

// Gives one entry to the program. 0, 1 when it does not fit, or -EFAULT.
static int emit(struct listing *l, const char *name, u64 ino, u32 mode, u64 pos)
{
    union {
        struct dirent64 d;
        u8 bytes[sizeof(struct dirent64) + FS_NAME_MAX + 1];
    } out;
    size_t len = strlen(name), reclen = ALIGN_UP(sizeof(out.d) + len + 1, 8);
    if (reclen > l->size - l->done || sched_killed())
        return 1;
    out.d.d_ino = ino;
    out.d.d_off = pos;
    out.d.d_reclen = reclen;
    out.d.d_type = (mode & S_IFMT) >> 12;
    memcpy(out.d.d_name, name, len + 1);
    if (copy_to_user(l->ubuf + l->done, &out, sizeof(out.d) + len + 1)) // without the padding
        return -EFAULT;
    l->done += reclen;
    l->pos = pos;
    return 0;
}

static int emit_all(struct listing *l, struct node *dir)
{
    struct dir_entry e;
    struct node *n;
    int stop = 0;
    mutex_lock(&fs_tree_lock);
    const struct node *parent = node_parent(dir);
    if (l->pos < POS_DOT)
        stop = emit(l, ".", dir->ino, dir->mode, POS_DOT);
    if (!stop && l->pos < POS_DOTDOT)
        stop = emit(l, "..", parent->ino, parent->mode, POS_DOTDOT);
    list_for_each (n, &dir->children, sibling)
        if (!stop && n->ino > l->pos)
            stop = emit(l, n->name, n->ino, n->mode, n->ino);
    mutex_unlock(&fs_tree_lock);
    while (!stop && dir->ops && dir->ops->next && dir->ops->next(dir, l->pos, &e))
        stop = emit(l, e.name, e.ino, e.mode, e.ino);
    return stop;
}

static ssize_t dir_getdents(struct file *f, u64 ubuf, size_t n)
{
    struct listing l = {.ubuf = ubuf, .size = n, .pos = f->pos};
    int stop = emit_all(&l, f->node);
    node_was_read(f->node);
    f->pos = l.pos;
    if (l.done)
        return l.done;
    return stop == 1 ? -EINVAL : stop;
}

static ssize_t dir_read(struct file *, u64, size_t, u64 *)
{
    return -EISDIR;
}

// A program may seek to 0, and to any position that getdents64(2) gave.
const struct file_ops dir_ops = {
    .seek = SEEKS_NO_END,
    .read = dir_read,
    .getdents = dir_getdents,
};
