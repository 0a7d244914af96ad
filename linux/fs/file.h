// Open files and descriptor tables.
#pragma once

#include "kernel/base/errno.h"
#include "kernel/base/refcount.h"
#include "sched/wait.h"

#define O_RDONLY    0
#define O_WRONLY    1
#define O_RDWR      2
#define O_ACCMODE   3
#define O_CREAT     0100
#define O_EXCL      0200
#define O_TRUNC     01000
#define O_APPEND    02000
#define O_NONBLOCK  04000
#define O_ASYNC     020000
#define O_DIRECTORY 0200000
#define O_NOFOLLOW  0400000
#define O_CLOEXEC   02000000

#define S_IFMT  0170000
#define S_IFIFO 0010000
#define S_IFCHR 0020000
#define S_IFDIR 0040000
#define S_IFREG 0100000
#define S_IFLNK 0120000

#define POLLIN     0x001
#define POLLOUT    0x004
#define POLLERR    0x008
#define POLLHUP    0x010
#define POLLNVAL   0x020
#define POLLRDNORM 0x040 // POLLIN by its other name
#define POLLWRNORM 0x100

struct file;
struct node;
struct vm_object;

// What lseek(2) may do with a file.
enum file_seek {
    SEEKS_NOT,       // -ESPIPE: a stream
    SEEKS_NOWHERE,   // always at 0
    SEEKS_NO_END,    // anywhere, but the end is not known
    SEEKS_NODE_SIZE, // the end is where node->size says
};

// Buffers are user addresses of the running task. All in task context; NULL means the call gives
// the errno named. Files that can seek somewhere have a position: their read, write, truncate and
// getdents run under pos_lock.
struct file_ops {
    enum file_seek seek;
    int (*open)(struct file *f); // from a node: 0 or -errno; may be NULL
    ssize_t (*read)(struct file *f, u64 ubuf, size_t n, u64 *pos);  // NULL: -EINVAL
    ssize_t (*write)(struct file *f, u64 ubuf, size_t n, u64 *pos); // NULL: -EINVAL
    s64 (*ioctl)(struct file *f, u32 cmd, u64 arg);                 // NULL: -ENOTTY
    int (*truncate)(struct file *f, u64 size);                      // NULL: -EINVAL
    ssize_t (*getdents)(struct file *f, u64 ubuf, size_t n);        // NULL: -ENOTDIR
    // mmap(2) of `pages` pages from byte `off`, shared or private: an object with a reference for
    // the caller, or ERR_PTR. NULL: -ENODEV, but see vfs_bytes_node()
    struct vm_object *(*map)(struct file *f, u64 pages, u64 off, u32 prot, bool private);
    void (*async)(struct file *f, bool on); // O_ASYNC has changed; may be NULL
    // POLL* bits that are true now; never sleeps. NULL: always POLLIN | POLLOUT
    u32 (*poll)(struct file *f);
    void (*release)(struct file *f); // last reference gone; may be NULL
};

// Whom O_ASYNC tells (linux/fs/async.h). Plain words: a signal that is sent while they change goes
// to the old owner or to the new one.
enum { F_OWNER_TID = 0, F_OWNER_PID = 1, F_OWNER_PGRP = 2 };
struct file_owner {
    s32 type, pid; // pid 0: nobody
    s32 sig;       // F_SETSIG; 0: a plain SIGIO
    s32 fd;        // for si_fd
};

struct file {
    struct refcount refs;
    const struct file_ops *ops;
    u32 flags; // O_*
    u64 pos;   // guarded by pos_lock where there is a position, else unused
    struct mutex pos_lock;
    struct node *node; // with a reference; NULL: anonymous
    void *private;     // the owner's
    struct file_owner owner;
};

static inline bool file_has_pos(const struct file *f)
{
    return f->ops->seek > SEEKS_NOWHERE;
}

// Woken whenever some file may have become ready: what poll(2) sleeps on.
extern struct wait_queue file_events;
// ops->poll or its default, without what the open mode forbids, under all names.
u32 file_poll(struct file *f);

// Makes zeroed memory from kalloc() an open file with refs = 1. Takes a reference to the node, if
// there is one. file_new() brings the memory too; NULL: there is none.
void file_init(struct file *f, const struct file_ops *ops, struct node *n, void *private,
               u32 flags);
struct file *file_new(const struct file_ops *ops, struct node *n, void *private, u32 flags);
void file_get(struct file *f);
void file_put(struct file *f);

#define MAX_FDS 256

struct fd_table {
    struct refcount refs;
    bool shared;                // other threads use it too, or have used it
    struct spinlock lock;       // RANK_FILES
    u64 used[MAX_FDS / 64];     // one bit for each number that is open, or reserved
    u64 cloexec[MAX_FDS / 64];  // of those, which ones execve(2) closes
    struct file *file[MAX_FDS]; // NULL: not open
};

struct fd_table *fds_new(void);
struct fd_table *fds_copy(struct fd_table *t); // fork; NULL: no memory
void fds_put(struct fd_table *t);              // last one closes all
void fds_close_on_exec(struct fd_table *t);
// Reserves the lowest free number >= from: that number, or -EMFILE. A call that opens something
// does this before it does anything else that a program could see. The number then has to be filled
// with a file, whose reference goes to the table, or given back. Until then it is not open; dup2(2)
// to it gives -EBUSY.
int fd_reserve(struct fd_table *t, bool cloexec, int from);
void fd_fill(struct fd_table *t, int fd, struct file *f);
void fd_give_back(struct fd_table *t, int fd);
// Both in one, for a file that is there: the reference is dropped when there is no number.
int fd_install(struct fd_table *t, struct file *f, bool cloexec, int from);
struct file *fd_get(struct fd_table *t, int fd); // with a reference; NULL: not open

// The same for the length of one call by the running task, of whose table nobody else has a share:
// then nobody else can close a file, and no reference is needed. Only the task itself can begin to
// share it, in clone(2).
static inline struct file *fd_own(const struct fd_table *t, int fd)
{
    return (u32)fd < MAX_FDS ? t->file[fd] : NULL;
}

// Puts f at exactly fd and closes what was there. NULL only closes. fd, or -EBADF: out of range, or
// closing what is not open; or -EBUSY: reserved. The reference goes to the table or is dropped.
int fd_replace(struct fd_table *t, int fd, struct file *f, bool cloexec);
// The close-on-exec mark: 0 or 1, or -EBADF. `set` below 0 only asks.
int fd_cloexec(struct fd_table *t, int fd, int set);

// Empties the tables of this folder and parses the archive (boot_info.module_*); refuses a broken
// one with one clear line. After the heap, before the first vfs_open. The folder's other entry
// points are in linux/fs/vfs.h.
void fs_init(void);
bool fs_have_archive(void); // false: no module was loaded
