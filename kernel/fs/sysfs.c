// /sys/devices/system/cpu: which CPUs there are, which of them are online, and the file by which
// each but the first goes and comes.
#include "arch/x86/uaccess.h"
#include "kernel/base/printk.h"
#include "kernel/fs/procfs.h"
#include "kernel/fs/vfs.h"

#define LIST_MAX  256 // "0-1,3,..." of 64 CPUs
#define STORE_MAX 2   // a digit and a newline

// "0-2,5", as Linux writes it.
static void show_mask(struct text *t, cpumask mask)
{
    const char *comma = "";
    u32 first = 0, end;
    for (; first < MAX_CPUS; first = end + 1) {
        for (end = first; end < MAX_CPUS && (mask & BIT(end)); end++)
            ;
        if (end == first)
            continue;
        text_add(t, end - first == 1 ? "%s%u" : "%s%u-%u", comma, first, end - 1);
        comma = ",";
    }
    text_add(t, "\n");
}

static cpumask cpus_possible(void)
{
    return CPUMASK_ALL >> (MAX_CPUS - nr_cpus);
}

static ssize_t read_mask(u64 ubuf, size_t n, u64 *pos, cpumask mask)
{
    char buf[LIST_MAX];
    struct text t = {buf, sizeof(buf), 0};
    show_mask(&t, mask);
    return read_buffer(ubuf, n, pos, buf, t.len);
}

static ssize_t possible_read(struct file *, u64 ubuf, size_t n, u64 *pos)
{
    return read_mask(ubuf, n, pos, cpus_possible());
}

static ssize_t online_read(struct file *, u64 ubuf, size_t n, u64 *pos)
{
    return read_mask(ubuf, n, pos, cpus_online());
}

static u32 cpu_of(struct file *f)
{
    const struct node *n = f->private;
    return n->arg;
}

static ssize_t switch_read(struct file *f, u64 ubuf, size_t n, u64 *pos)
{
    return read_buffer(ubuf, n, pos, cpu_is_online(cpu_of(f)) ? "1\n" : "0\n", 2);
}

static ssize_t switch_write(struct file *f, u64 ubuf, size_t n, u64 *)
{
    char text[STORE_MAX];
    int err;
    if (n < 1 || n > STORE_MAX)
        return -EINVAL;
    if (copy_from_user(text, ubuf, n))
        return -EFAULT;
    if ((text[0] != '0' && text[0] != '1') || (n > 1 && text[1] != '\n'))
        return -EINVAL;
    err = text[0] == '1' ? cpu_online_again(cpu_of(f)) : cpu_offline(cpu_of(f));
    return err ? err : (ssize_t)n;
}

// ">" truncates: there is nothing to cut.
static int switch_truncate(struct file *, u64)
{
    return 0;
}

static s64 sys_lseek(struct file *f, s64 off, int whence)
{
    return whence == SEEK_END ? -EINVAL : file_seek(f, off, whence, 0);
}

static const struct file_ops possible_ops = {
    .read = possible_read,
    .lseek = sys_lseek,
    .stat = node_file_stat,
    .release = node_file_release,
};

static const struct file_ops online_ops = {
    .read = online_read,
    .lseek = sys_lseek,
    .stat = node_file_stat,
    .release = node_file_release,
};

static const struct file_ops switch_ops = {
    .read = switch_read,
    .write = switch_write,
    .lseek = sys_lseek,
    .truncate = switch_truncate,
    .stat = node_file_stat,
    .release = node_file_release,
};

static struct file *open_list(struct node *n, u32 flags)
{
    if ((flags & O_ACCMODE) != O_RDONLY)
        return ERR_PTR(-EACCES);
    return node_file(n, (const struct file_ops *)n->arg, flags);
}

static struct file *open_switch(struct node *n, u32 flags)
{
    return node_file(n, &switch_ops, flags);
}

void sysfs_init(void)
{
    static const struct node_ops list_node_ops = {.open = open_list};
    static const struct node_ops switch_node_ops = {.open = open_switch};
    static const char *const path[] = {"sys", "devices", "system", "cpu"};
    struct node *dir = fs_root, *n;
    char name[8];
    for (u32 i = 0; i < ARRAY_SIZE(path); i++)
        dir = node_add(dir, path[i], S_IFDIR | 0555, NULL);
    node_add(dir, "online", S_IFREG | 0444, &list_node_ops)->arg = (u64)&online_ops;
    node_add(dir, "possible", S_IFREG | 0444, &list_node_ops)->arg = (u64)&possible_ops;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        snprintf(name, sizeof(name), "cpu%u", cpu);
        n = node_add(dir, name, S_IFDIR | 0555, NULL);
        if (cpu > 0) // the boot CPU stays, so it has none
            node_add(n, "online", S_IFREG | 0644, &switch_node_ops)->arg = cpu;
    }
}
