// The tree of nodes, and how it is built at boot.
#include "arch/x86/platform.h"
#include "arch/x86/rep.h"
#include "arch/x86/user/devices.h"
#include "kernel/base/printk.h"
#include "kernel/base/string.h"
#include "kernel/mm/heap.h"
#include "linux/fs/archive.h"
#include "linux/fs/vfs.h"

struct node *fs_root;
struct mutex fs_tree_lock;

#define FIRST_INO 16             // smaller numbers stand for "." and ".." in a listing
#define DAY       (24 * 60 * 60) // seconds

static u64 last_ino = FIRST_INO - 1;

struct node *node_new(struct node *parent, const char *name, size_t len, u32 mode, u64 ino)
{
    struct node *n = kalloc(sizeof(*n));
    if (!n)
        return NULL;
    ref_init(&n->refs);
    memcpy(n->name, name, len);
    n->mode = mode;
    n->ino = ino ? ino : __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED);
    n->parent = parent ? parent : n;
    n->fops = node_is(n, S_IFDIR) ? &dir_ops : &bytes_ops;
    list_init(&n->sibling);
    list_init(&n->children);
    if (parent)
        node_get(parent);
    return n;
}

void node_get(struct node *n)
{
    ref_get(&n->refs);
}

void node_put(struct node *n)
{
    while (n && ref_put(&n->refs)) {
        struct node *parent = n->parent;
        ASSERT(list_empty(&n->children) && n != fs_root);
        if (n->ops && n->ops->release)
            n->ops->release(n);
        kfree(n);
        if (parent == n)
            break;
        n = parent;
    }
}

void node_link(struct node *n)
{
    struct list *children = &n->parent->children, *after = children->prev;
    while (after != children && list_entry(after, struct node, sibling)->ino > n->ino)
        after = after->prev;
    list_add(&n->sibling, after);
}

struct node *node_child(struct node *dir, const char *name, size_t len)
{
    struct node *n;
    list_for_each (n, &dir->children, sibling) {
        if (strncmp(n->name, name, len) == 0 && n->name[len] == '\0')
            return n;
    }
    return NULL;
}

struct node *node_add(struct node *parent, const char *name, u32 mode, const struct file_ops *fops)
{
    struct node *n = node_new(parent, name, strlen(name), mode, 0);
    if (!n)
        panic("fs: no memory for the node %s", name);
    n->fops = fops;
    node_link(n);
    return n;
}

struct node *node_parent(const struct node *n)
{
    ASSERT(!DEBUG_BUILD || !n->tmp || mutex_is_mine(&fs_tree_lock));
    return n->parent;
}

void node_stat(struct node *n, struct stat *st)
{
    memset(st, 0, sizeof(*st));
    st->st_dev = FS_DEV;
    st->st_ino = n->ino;
    st->st_nlink = n->gone ? 0 : node_is(n, S_IFDIR) ? 2 : 1;
    st->st_mode = n->mode;
    st->st_rdev = node_is(n, S_IFCHR) ? n->arg : 0;
    st->st_size = n->size;
    st->st_blksize = PAGE_SIZE;
    st->st_blocks = ALIGN_UP(n->size, n->tmp ? PAGE_SIZE : 512) / 512;
    st->st_atime = n->atime;
    st->st_mtime = n->mtime;
    st->st_ctime = n->ctime;
}

struct file_time vfs_now(void)
{
    u64 ns = clock_ns();
    return (struct file_time){
        .sec = (s64)(clock_boot_epoch() + ns / NS_PER_SEC),
        .nsec = (s64)(ns % NS_PER_SEC),
    };
}

static bool is_before(const struct file_time *a, const struct file_time *b)
{
    return a->sec != b->sec ? a->sec < b->sec : a->nsec < b->nsec;
}

void node_was_read(struct node *n)
{
    const struct file_time now = vfs_now();
    if (!n->tmp)
        return;
    if (!is_before(&n->mtime, &n->atime) || !is_before(&n->ctime, &n->atime) ||
        now.sec - n->atime.sec >= DAY)
        n->atime = now;
}

void node_was_written(struct node *n)
{
    n->mtime = n->ctime = vfs_now();
}

void node_was_changed(struct node *n)
{
    n->ctime = vfs_now();
}

int node_path(struct node *n, char *buf, size_t size)
{
    size_t at = size - 1;
    buf[at] = '\0';
    if (n == fs_root)
        buf[--at] = '/';
    for (; n != fs_root; n = node_parent(n)) {
        size_t len = strlen(n->name);

        if (len + 1 > at)
            return -ENAMETOOLONG;
        at -= len;
        memcpy(buf + at, n->name, len);
        buf[--at] = '/';
    }
    rep_copy(buf, buf + at, size - at); // downwards, so an overlap does no harm
    return 0;
}

bool fs_have_archive(void)
{
    return boot_info.nr_modules > 0;
}

void fs_init(void)
{
    char why[256], line[320];
    mutex_init(&fs_tree_lock, "file tree", RANK_TREE);
    wait_init(&file_events);
    fs_root = node_new(NULL, "", 0, S_IFDIR | 0755, 0);
    if (!fs_root)
        panic("fs: no memory for the root directory");
    dev_init();
    procfs_init();
    sysfs_init();
    tmpfs_init();
    if (!fs_have_archive())
        return;
    if (boot_info.nr_modules > 1) {
        snprintf(line, sizeof(line), "dr7: %u modules were loaded, one archive is wanted",
                 boot_info.nr_modules);
        boot_refuse(line);
    }
    if (!archive_parse(phys_to_virt(boot_info.module_start),
                       boot_info.module_end - boot_info.module_start, archive_add, why,
                       sizeof(why))) {
        snprintf(line, sizeof(line), "dr7: the module archive is broken: %s", why);
        boot_refuse(line);
    }
}
