// /dev: null, zero, and the console under its two names.
#include "arch/x86/uaccess.h"
#include "kernel/fs/console.h"
#include "kernel/fs/vfs.h"

#define RDEV(major, minor) ((major) << 8 | (minor))

static ssize_t null_read(struct file *, u64, size_t, u64 *)
{
    return 0;
}

static ssize_t zero_read(struct file *, u64 ubuf, size_t n, u64 *)
{
    return clear_user(ubuf, n) ? -EFAULT : (ssize_t)n;
}

static ssize_t null_write(struct file *, u64, size_t n, u64 *)
{
    return n;
}

static s64 null_lseek(struct file *, s64, int)
{
    return 0;
}

static const struct file_ops null_ops = {
    .read = null_read,
    .write = null_write,
    .lseek = null_lseek,
    .stat = node_file_stat,
    .release = node_file_release,
};

static const struct file_ops zero_ops = {
    .read = zero_read,
    .write = null_write,
    .lseek = null_lseek,
    .stat = node_file_stat,
    .release = node_file_release,
};

static struct file *dev_open(struct node *n, u32 flags)
{
    return node_file(n, (const struct file_ops *)n->arg, flags);
}

static const struct node_ops dev_node_ops = {.open = dev_open};

static void add(struct node *dir, const char *name, u32 rdev, const struct node_ops *ops,
                const struct file_ops *file_ops)
{
    struct node *n = node_add(dir, name, S_IFCHR | 0666, ops);
    n->rdev = rdev;
    n->arg = (u64)file_ops;
}

void dev_init(void)
{
    struct node *dir = node_add(fs_root, "dev", S_IFDIR | 0755, NULL);
    add(dir, "null", RDEV(1, 3), &dev_node_ops, &null_ops);
    add(dir, "zero", RDEV(1, 5), &dev_node_ops, &zero_ops);
    add(dir, "tty", RDEV(5, 0), &console_node_ops, NULL);
    add(dir, "console", RDEV(5, 1), &console_node_ops, NULL);
}
