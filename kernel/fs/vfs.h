// The one tree of names: the archive's files and directories, /dev, /proc and /tmp.
//
// Everything in it is a node. Nodes of the archive live for ever; those of /tmp until they are
// unlinked and closed; those below /proc/PID are made by each look-up. The tree lock (a mutex)
// guards all lists of children.
#pragma once

#include "kernel/fs/file.h"
#include "kernel/fs/stat.h"

#define FS_NAME_MAX 255
#define FS_PATH_MAX 1024 // with the NUL; longer paths give -ENAMETOOLONG
#define FS_CWD_MAX  256  // size of process->cwd

struct node;

struct node_ops {
    // A new file on the node, with a reference to it, or ERR_PTR. NULL: as its type wants (bytes,
    // directory).
    struct file *(*open)(struct node *n, u32 flags);
    // Directories: a name that is in no list. Node with a reference, NULL: no such name, or
    // ERR_PTR.
    struct node *(*lookup)(struct node *dir, const char *name, size_t len);
    // Directories: the first name outside the list with inode number > after. False at the end.
    bool (*next)(struct node *dir, u64 after, struct dir_entry *out);
    // Directories: a new empty file, with a reference, or ERR_PTR. NULL: read-only. Under the tree
    // lock.
    struct node *(*create)(struct node *dir, const char *name, size_t len);
    u64 (*size)(struct node *n); // NULL: n->size
    int (*readlink)(struct node *n, char *buf,
                    size_t size);    // computed links; length. NULL: the bytes
    void (*release)(struct node *n); // last reference gone; may be NULL
};

struct node {
    struct refcount refs;
    u32 mode;                   // S_IF* and permissions
    u32 rdev;                   // devices: major << 8 | minor
    u64 ino;                    // unique; children are listed in ascending order
    u64 mtime;                  // seconds since 1970
    struct node *parent;        // with a reference; the root: itself
    struct list sibling;        // in parent->children
    struct list children;       // directories
    const struct node_ops *ops; // NULL: none of them
    const u8 *data;             // regular files of the archive and fixed links: their bytes
    u64 size;
    u64 arg; // the ops'
    char name[];
};

static inline bool node_is(const struct node *n, u32 type)
{
    return (n->mode & S_IFMT) == type;
}

// A node with one reference and a reference to its parent, in no list. NULL: no memory. ino 0: the
// next free one.
struct node *node_new(struct node *parent, const char *name, size_t len, u32 mode, u64 ino);
void node_get(struct node *n);
void node_put(struct node *n);
// Puts a new node into its parent's list, which takes the caller's reference over.
void node_link(struct node *n);
// The child with this name, without a reference, or NULL. Tree lock held, or at boot.
struct node *node_child(struct node *dir, const char *name, size_t len);
// At boot: node_new() and node_link() in one; memory must suffice.
struct node *node_add(struct node *parent, const char *name, u32 mode, const struct node_ops *ops);
void node_stat(struct node *n, struct stat *st);
// The absolute path. 0 or -ERANGE.
int node_path(struct node *n, char *buf, size_t size);

extern struct node *fs_root;
extern struct mutex fs_tree_lock;

// ---- paths: absolute, or relative to cwd (absolute itself) ----

// The node, with a reference, or ERR_PTR. `follow`: a link at the very end is followed too.
struct node *vfs_lookup(const char *cwd, const char *path, bool follow);
struct file *vfs_open_at(const char *cwd, const char *path, u32 flags);
// 0 or -errno.
int vfs_stat(const char *cwd, const char *path, bool follow, struct stat *st);
// The bytes of an executable file of the archive, which stay for ever. 0 or -errno: -EACCES when it
// is no regular file of the archive or has no x bit.
int vfs_lookup_bytes(const char *cwd, const char *path, const u8 **data, u64 *len);
int vfs_unlink(const char *cwd, const char *path);
// The target's length (at most size), not ended with NUL, or -errno.
ssize_t vfs_readlink(const char *cwd, const char *path, char *buf, size_t size);
// Checks that path is a directory and writes its canonical absolute path to cwd itself. 0 or
// -errno.
int vfs_chdir(char cwd[FS_CWD_MAX], const char *path);
// The node of an open directory (no reference taken), or NULL.
struct node *vfs_dir_node(struct file *f);

// The same of a file of bytes that never change: what mmap(2) can show.
struct node *vfs_bytes_node(struct file *f);

// A file on a directory or on bytes that never change.
struct file *node_open_plain(struct node *n, u32 flags);
// A file whose `private` is the node, with a reference that node_file_release() gives back. Or
// ERR_PTR.
struct file *node_file(struct node *n, const struct file_ops *ops, u32 flags);
void node_file_release(struct file *f);
void node_file_stat(struct file *f, struct stat *st);
// Copies from a buffer of `size` bytes at *pos and moves *pos. Bytes or -EFAULT.
ssize_t read_buffer(u64 ubuf, size_t n, u64 *pos, const void *buf, u64 size);
// The usual position arithmetic over a file of `size` bytes. New position or -EINVAL.
s64 file_seek(struct file *f, s64 off, int whence, u64 size);

// What fs_init() calls: each hangs its part into the tree.
void dev_init(void);
void procfs_init(void);
void sysfs_init(void);
void tmpfs_init(void);
void console_init(void);
