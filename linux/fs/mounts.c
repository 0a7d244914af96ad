// What programs are told about file systems: /proc/mounts and statfs(2). In dr7 all file systems
// are one tree.
#include "arch/x86/uaccess.h"
#include "linux/fs/procfs.h"
#include "linux/task/process.h"

#include <linux/magic.h> // the numbers that statfs(2) gives

// A longer name stands after the names with which it begins.
static const struct mount {
    const char *path, *type, *mode;
    u32 magic;
} mounts[] = {
    {"/", "rootfs", "ro", RAMFS_MAGIC},
    {"/dev", "devtmpfs", "rw", TMPFS_MAGIC},
    {"/proc", "proc", "rw", PROC_SUPER_MAGIC},
    {"/sys", "sysfs", "rw", SYSFS_MAGIC},
    {"/sys/kernel/debug", "debugfs", "rw", DEBUGFS_MAGIC},
    {"/sys/kernel/debug/tracing", "tracefs", "rw", TRACEFS_MAGIC},
    {"/tmp", "tmpfs", "rw", TMPFS_MAGIC},
};

void show_mounts(struct text *t, u64)
{
    for (u32 i = 0; i < ARRAY_SIZE(mounts); i++)
        text_add(t, "%s %s %s %s 0 0\n", mounts[i].type, mounts[i].path, mounts[i].type,
                 mounts[i].mode);
}

static bool is_below(const char *path, const char *top)
{
    size_t len = strlen(top);
    return top[1] == '\0' ||
           (strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0'));
}

static u32 magic_of(struct node *n)
{
    char path[PROC_PATH_MAX];
    u32 magic = 0;
    if (!n)
        return ANON_INODE_FS_MAGIC;
    if (n->tmp)
        return TMPFS_MAGIC;
    if (node_is_pipe(n))
        return PIPEFS_MAGIC;
    if (node_path(n, path, sizeof(path)))
        strcopy(path, "/", sizeof(path)); // only the archive has such long names
    for (u32 i = 0; i < ARRAY_SIZE(mounts); i++)
        if (is_below(path, mounts[i].path))
            magic = mounts[i].magic;
    return magic;
}

s64 node_statfs(struct node *n, u64 ubuf)
{
    struct statfs st = {
        .type = magic_of(n),
        .bsize = PAGE_SIZE,
        .namelen = FS_NAME_MAX,
        .frsize = PAGE_SIZE,
    };
    if (n && n->tmp)
        tmpfs_fill_statfs(&st);
    return put_user(st, ubuf);
}
