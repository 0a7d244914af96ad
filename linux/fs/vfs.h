// The one tree of names: the archive's files and directories, /dev, /proc, /sys and /tmp.
//
// Everything in it is a node. Nodes of the archive live for ever. Nodes of /tmp live until they are
// unlinked and closed. Nodes below /proc/PID are made by each look-up. A pipe's node is not in the
// tree: it is its own parent. The tree lock (a mutex) guards all lists of children. Task context,
// unless a comment says otherwise.
#pragma once

#include "linux/fs/file.h"
#include "linux/fs/stat.h"

#define FS_NAME_MAX 255
#define FS_PATH_MAX 4096 // bytes with the NUL; longer paths give -ENAMETOOLONG

struct node;

struct node_ops {
    // Directories: looks up a name that is in no list. A node with a reference, NULL when there is
    // no such name, or ERR_PTR.
    struct node *(*lookup)(struct node *dir, const char *name, size_t len);
    // Directories: the first name outside of the list whose inode number is > after. False at the
    // end.
    bool (*next)(struct node *dir, u64 after, struct dir_entry *out);
    // Directories: makes a node. `mode` says whether it is an empty file, a directory, or a link to
    // `text`. Returns the node with a reference, or ERR_PTR. NULL: the directory is read-only.
    // Under the tree lock.
    struct node *(*create)(struct node *dir, const char *name, size_t len, u32 mode,
                           const char *text);
    // Links: computes the text and returns its length. NULL: the text is at `data`.
    int (*readlink)(struct node *n, char *buf, size_t size);
    // Links: the node to which it leads, with a reference, or ERR_PTR. NULL: the text says it.
    struct node *(*follow)(struct node *link);
    void (*release)(struct node *n); // the last reference is gone. May be NULL
};

struct node {
    struct refcount refs;
    u32 mode; // S_IF* and permissions
    u64 ino;  // unique; a directory lists its children in this order
    // When it was last read, written, changed in any way (inode(7)).
    struct file_time atime, mtime, ctime;
    bool gone;                   // unlinked
    bool tmp;                    // /tmp or below it: it can change
    struct node *parent;         // with a reference; the node itself for the root and pipes
    struct list sibling;         // in parent->children
    struct list children;        // of a directory
    const struct node_ops *ops;  // NULL: none
    const struct file_ops *fops; // of files that are opened on it
    const void *data;            // archive: the bytes of a file or link. Else for the ops
    u64 size;
    u64 arg;                    // devices: major << 8 | minor. Else for the ops
    char name[FS_NAME_MAX + 1]; // parent and name change in rename(2), under the tree lock
};

static inline bool node_is_writable_dir(const struct node *n)
{
    return n->ops && n->ops->create;
}

static inline bool node_is(const struct node *n, u32 type)
{
    return (n->mode & S_IFMT) == type;
}

// A node with one reference, in no list. It holds a reference to its parent. NULL when memory is
// out. Directories and regular files get the usual fops. With ino 0 it gets the next free number.
struct node *node_new(struct node *parent, const char *name, size_t len, u32 mode, u64 ino);
void node_get(struct node *n);
void node_put(struct node *n); // NULL: nothing
// Puts a node into its parent's list. The caller's reference goes to the list.
void node_link(struct node *n);
// The child with this name, without a reference, or NULL. Tree lock held, or at boot.
struct node *node_child(struct node *dir, const char *name, size_t len);
// At boot: node_new() and node_link() in one step. Panics when memory is out.
struct node *node_add(struct node *parent, const char *name, u32 mode, const struct file_ops *fops);
// The directory where n is now. For a node of /tmp the tree lock is held. rename(2) changes
// parents, and the old parent may be freed. Debug builds check that.
struct node *node_parent(const struct node *n);
#define FS_DEV 1 // st_dev of all files
void node_stat(struct node *n, struct stat *st);
// Writes the absolute path of n into buf. 0 or -ENAMETOOLONG. For a node below /tmp the tree lock
// is held.
int node_path(struct node *n, char *buf, size_t size);

extern struct node *fs_root;
extern struct mutex fs_tree_lock;
extern const struct file_ops dir_ops, bytes_ops;

// A pipe of pipe(2). The type alone does not tell, because a console can have the type of a pipe,
// too.
static inline bool node_is_pipe(const struct node *n)
{
    return n->parent == n && n != fs_root;
}

// ---- paths: absolute, or relative to the directory `at` ----
//
// The errors are from path_resolution(7): -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG, -ENOMEM.

// The node, with a reference, or ERR_PTR. With `follow` a link at the very end is followed, too.
struct node *vfs_lookup(struct node *at, const char *path, bool follow);
// Opens a file with `flags` (O_*), none of which excludes another. A new file gets the permissions
// `mode`. A file with one reference, or ERR_PTR.
struct file *vfs_open(struct node *at, const char *path, u32 flags, u32 mode);
// 0 or -errno.
int vfs_make(struct node *at, const char *path, u32 mode, const char *text); // as ops->create()
int vfs_unlink(struct node *at, const char *path, bool directory);
int vfs_rename(struct node *at, const char *path, struct node *to_at, const char *to_path);
struct file_time vfs_now(void); // since 1970
// These functions note what was done to a node of /tmp. node_was_read(): its bytes, its names or
// its text were read. The atime changes only when it is older than the last change, or older than a
// day. That is Linux's "relatime" (mount(8)). Nodes elsewhere keep their atime. node_was_written():
// the bytes or names have changed. node_was_changed(): something else has changed.
void node_was_read(struct node *n);
void node_was_written(struct node *n);
void node_was_changed(struct node *n);
// Copies a link's text, at most size bytes and without a NUL. Returns its length, or -EINVAL when n
// is no link.
ssize_t node_readlink(struct node *n, char *buf, size_t size);
// The node of f if it has bytes that never change, so that private mappings can show them. Else
// NULL.
struct node *vfs_bytes_node(struct file *f);
// The file of the archive below `dir` to which this byte belongs, without a reference, or NULL. Any
// context, because the archive's part of the tree never changes.
struct node *vfs_node_of_byte(struct node *dir, const u8 *byte);

// Copies at most n bytes from the buffer at *pos to the program, and moves *pos. The buffer has
// `size` bytes. Bytes or -EFAULT.
ssize_t read_buffer(u64 ubuf, size_t n, u64 *pos, const void *buf, u64 size);

// For fs_init(): each adds its part to the tree.
void dev_init(void);
void procfs_init(void);
void sysfs_init(void);
void tmpfs_init(void);

// How large /tmp is and how much of it is free. Blocks are pages. Task context.
void tmpfs_fill_statfs(struct statfs *st);
// statfs(2) of a node, or of NULL: an anonymous file (mounts.c). 0 or -EFAULT.
s64 node_statfs(struct node *n, u64 ubuf);

// A process's working directory, with a reference (linux/fs/path_calls.c).
struct process;
struct node *process_cwd(struct process *p);
