// /tmp: files in memory, for redirections and the like. One level, no directories inside. A file's
// bytes are one block of the heap that doubles when it is full.
#include "arch/x86/uaccess.h"
#include "kernel/base/string.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/heap.h"

#define TMP_FILE_MAX  (1ull << 20) // longer: -EFBIG
#define TMP_TOTAL_MAX (4ull << 20) // all files together, by the blocks they hold: -ENOSPC
#define TMP_BLOCK_MIN 256ull

struct tmp_bytes {
    u8 *block;
    u64 room; // size of the block; what lies behind n->size in it is zero
};

static struct mutex tmp_lock; // guards the bytes of all files
static u64 tmp_total;         // sum of all rooms

static struct tmp_bytes *bytes_of(struct node *n)
{
    return (struct tmp_bytes *)n->arg;
}

static int make_room(struct tmp_bytes *b, u64 size)
{
    u64 room = MAX(b->room, TMP_BLOCK_MIN);
    u8 *block;
    if (size > TMP_FILE_MAX)
        return -EFBIG;
    if (size <= b->room)
        return 0;
    while (room < size)
        room *= 2;
    if (tmp_total + room - b->room > TMP_TOTAL_MAX)
        return -ENOSPC;
    block = kalloc(room);
    if (!block)
        return -ENOMEM;
    memcpy(block, b->block, b->room);
    kfree(b->block);
    tmp_total += room - b->room;
    b->block = block;
    b->room = room;
    return 0;
}

// tmp_lock held.
static int set_size(struct node *n, u64 size)
{
    struct tmp_bytes *b = bytes_of(n);
    int err = make_room(b, size);
    if (err)
        return err;
    if (size == 0) {
        kfree(b->block);
        tmp_total -= b->room;
        *b = (struct tmp_bytes){0};
    } else if (size < n->size) {
        memset(b->block + size, 0, n->size - size);
    }
    n->size = size;
    return 0;
}

static ssize_t tmp_read(struct file *f, u64 ubuf, size_t n, u64 *pos)
{
    mutex_lock(&tmp_lock);
    ssize_t got = read_buffer(ubuf, n, pos, bytes_of(f->node)->block, f->node->size);
    mutex_unlock(&tmp_lock);
    return got;
}

static ssize_t write_at(struct node *node, u64 ubuf, size_t n, u64 pos)
{
    struct tmp_bytes *b = bytes_of(node);
    int err;
    if (pos >= TMP_FILE_MAX)
        return -EFBIG;
    n = MIN(n, TMP_FILE_MAX - pos);
    err = make_room(b, pos + n);
    if (err)
        return err;
    if (copy_from_user(b->block + pos, ubuf, n)) {
        // What was copied before the fault must not show up when the file grows later.
        if (pos + n > node->size)
            memset(b->block + MAX(pos, node->size), 0, pos + n - MAX(pos, node->size));
        return -EFAULT;
    }
    node->size = MAX(node->size, pos + n);
    return n;
}

static ssize_t tmp_write(struct file *f, u64 ubuf, size_t n, u64 *pos)
{
    if (n == 0)
        return 0;
    mutex_lock(&tmp_lock);
    if (f->flags & O_APPEND)
        *pos = f->node->size;
    ssize_t put = write_at(f->node, ubuf, n, *pos);
    mutex_unlock(&tmp_lock);
    if (put > 0)
        *pos += put;
    return put;
}

static int tmp_truncate(struct file *f, u64 size)
{
    mutex_lock(&tmp_lock);
    int err = set_size(f->node, size);
    mutex_unlock(&tmp_lock);
    return err;
}

static const struct file_ops tmp_file_ops = {
    .seek = SEEKS_NODE_SIZE,
    .read = tmp_read,
    .write = tmp_write,
    .truncate = tmp_truncate,
};

static void tmp_release(struct node *n)
{
    struct tmp_bytes *b = bytes_of(n);
    mutex_lock(&tmp_lock);
    tmp_total -= b->room;
    mutex_unlock(&tmp_lock);
    kfree(b->block);
    kfree(b);
}

static const struct node_ops tmp_node_ops = {.release = tmp_release};

static struct node *tmp_create(struct node *dir, const char *name, size_t len)
{
    struct tmp_bytes *b = kalloc(sizeof(*b));
    struct node *n = node_new(dir, name, len, S_IFREG | 0644, 0);
    if (!b || !n) {
        if (n)
            node_put(n);
        kfree(b);
        return ERR_PTR(-ENOMEM);
    }
    n->ops = &tmp_node_ops;
    n->fops = &tmp_file_ops;
    n->arg = (u64)b;
    node_link(n);
    node_get(n);
    return n;
}

static const struct node_ops tmp_dir_ops = {.create = tmp_create};

void tmpfs_init(void)
{
    mutex_init(&tmp_lock);
    node_add(fs_root, "tmp", S_IFDIR | 01777, &dir_ops)->ops = &tmp_dir_ops;
}
