// The one tree of names: the archive's files and directories, /dev, /proc, /sys and /tmp.
//
// Everything in it is a node. Nodes of the archive live for ever; those of /tmp until they are
// unlinked and closed; those below /proc/PID are made by each look-up. A pipe's node is in no tree:
// it is its own parent. The tree lock (a mutex) guards all lists of children.
#pragma once

#include "linux/fs/file.h"
#include "linux/fs/stat.h"

#define FS_NAME_MAX 255
#define FS_PATH_MAX 1024 // with the NUL; longer paths give -ENAMETOOLONG

struct node;

struct node_ops {
    // Directories: a name that is in no list. Node with a reference, NULL: no such name, or
    // ERR_PTR.
    struct node *(*lookup)(struct node *dir, const char *name, size_t len);
    // Directories: the first name outside the list with inode number > after. False at the end.
    bool (*next)(struct node *dir, u64 after, struct dir_entry *out);
    // Directories: a new empty file or directory, or a link to `text`, as `mode` says, with a
    // reference, or ERR_PTR. NULL: read-only. Under the tree lock.
    struct node *(*create)(struct node *dir, const char *name, size_t len, u32 mode,
                           const char *text);
    // Links whose text is computed; its length. NULL: the text is at `data`.
    int (*readlink)(struct node *n, char *buf, size_t size);
    void (*release)(struct node *n); // last reference gone; may be NULL
};

struct node {
    struct refcount refs;
    u32 mode;                    // S_IF* and permissions
    u64 ino;                     // unique; children are listed in ascending order
    u64 mtime;                   // seconds since 1970
    bool gone;                   // unlinked
    struct node *parent;         // with a reference; the root, pipes: itself; tree lock
    struct list sibling;         // in parent->children
    struct list children;        // directories
    const struct node_ops *ops;  // NULL: none of them
    const struct file_ops *fops; // of files opened on it
    const void *data;            // archive: the bytes of a file or link; else the ops'
    u64 size;
    u64 arg;                    // devices: major << 8 | minor; else the ops'
    char name[FS_NAME_MAX + 1]; // tree lock: both change in rename(2), though only below /tmp
};

static inline bool node_is_writable_dir(const struct node *n)
{
    return n->ops && n->ops->create;
}

static inline bool node_is(const struct node *n, u32 type)
{
    return (n->mode & S_IFMT) == type;
}

// A node with one reference and a reference to its parent, in no list; NULL: no memory. Directories
// and regular files get the usual fops. ino 0: the next free one.
struct node *node_new(struct node *parent, const char *name, size_t len, u32 mode, u64 ino);
void node_get(struct node *n);
void node_put(struct node *n);
// Puts a node into its parent's list, which takes the caller's reference over.
void node_link(struct node *n);
// The child with this name, without a reference, or NULL. Tree lock held, or at boot.
struct node *node_child(struct node *dir, const char *name, size_t len);
// At boot: node_new() and node_link() in one; memory must suffice.
struct node *node_add(struct node *parent, const char *name, u32 mode, const struct file_ops *fops);
void node_stat(struct node *n, struct stat *st);
// The absolute path; below /tmp with the tree lock held. 0 or -ENAMETOOLONG.
int node_path(struct node *n, char *buf, size_t size);

extern struct node *fs_root;
extern struct mutex fs_tree_lock;
extern const struct file_ops dir_ops, bytes_ops;

// ---- paths: absolute, or relative to the directory `at` ----

// The node, with a reference, or ERR_PTR. `follow`: a link at the very end is followed too.
struct node *vfs_lookup(struct node *at, const char *path, bool follow);
// A file with one reference, or ERR_PTR. `mode`: permissions of a new one.
struct file *vfs_open(struct node *at, const char *path, u32 flags, u32 mode);
// 0 or -errno.
int vfs_make(struct node *at, const char *path, u32 mode, const char *text); // as ops->create()
int vfs_unlink(struct node *at, const char *path, bool directory);
int vfs_rename(struct node *at, const char *path, struct node *to_at, const char *to_path);
// Seconds since 1970, for mtime.
u64 vfs_now(void);
// Copies a link's text, at most size bytes and without a NUL. Its length, or -EINVAL: no link.
ssize_t node_readlink(struct node *n, char *buf, size_t size);
// The node of a file of bytes that never change, which private mappings show; else NULL.
struct node *vfs_bytes_node(struct file *f);
// The file of the archive below `dir` that this byte belongs to, without a reference, or NULL. Any
// context: the archive's part of the tree never changes.
struct node *vfs_node_of_byte(struct node *dir, const u8 *byte);

// Copies from a buffer of `size` bytes at *pos and moves *pos. Bytes or -EFAULT.
ssize_t read_buffer(u64 ubuf, size_t n, u64 *pos, const void *buf, u64 size);

// What fs_init() calls: each hangs its part into the tree.
void dev_init(void);
void procfs_init(void);
void sysfs_init(void);
void tmpfs_init(void);

// A process's working directory, with a reference (linux/fs/path_calls.c).
struct process;
struct node *process_cwd(struct process *p);
