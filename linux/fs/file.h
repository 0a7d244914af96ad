// Open files and descriptor tables.
#pragma once

#include "linux/task/rlimit.h"
#include "sched/wait.h"

#include <asm/poll.h>
#include <linux/fcntl.h>

#define O_ASYNC FASYNC

#define S_IFMT  0170000
#define S_IFIFO 0010000
#define S_IFCHR 0020000
#define S_IFDIR 0040000
#define S_IFREG 0100000
#define S_IFLNK 0120000

struct file;
struct node;
struct vm_object;

// What lseek(2) may do with a file.
enum file_seek {
    SEEKS_NOT,       // -ESPIPE: a stream
    SEEKS_NOWHERE,   // the position is always 0
    SEEKS_NO_END,    // any position, but the end is not known
    SEEKS_NODE_SIZE, // any position; the end is at node->size
};

// Buffers are user addresses of the running task. All run in task context. If a function is NULL,
// the call gives the error that is named. Files that can seek have a position: their read, write,
// truncate and getdents run under pos_lock.
struct file_ops {
    const char *name; // of files without a node, as /proc/PID/fd shows it
    enum file_seek seek;
    int (*open)(struct file *f); // a node is opened. 0 or -errno. May be NULL
    ssize_t (*read)(struct file *f, u64 ubuf, size_t n, u64 *pos);  // NULL: -EINVAL
    ssize_t (*write)(struct file *f, u64 ubuf, size_t n, u64 *pos); // NULL: -EINVAL
    s64 (*ioctl)(struct file *f, u32 cmd, u64 arg);                 // NULL: -ENOTTY
    int (*truncate)(struct file *f, u64 size);                      // NULL: -EINVAL
    ssize_t (*getdents)(struct file *f, u64 ubuf, size_t n);        // NULL: -ENOTDIR
    // mmap(2) of `pages` pages from byte `off` on, shared or private. Returns an object with a
    // reference for the caller, or ERR_PTR. NULL: -ENODEV, unless vfs_bytes_node() finds bytes.
    struct vm_object *(*map)(struct file *f, u64 pages, u64 off, u32 prot, bool private);
    void (*async)(struct file *f, bool on); // O_ASYNC has changed. May be NULL
    // The POLL* bits that are true now. Never sleeps. NULL: always POLLIN | POLLOUT.
    u32 (*poll)(struct file *f);
    void (*release)(struct file *f); // the last reference is gone. May be NULL
};

// The process, thread or group that O_ASYNC signals (linux/fs/async.h). It has no lock. A signal
// that is sent while the owner changes goes to the old owner or to the new one.
struct file_owner {
    s32 type, pid; // F_OWNER_*; pid 0: nobody
    s32 sig;       // set by F_SETSIG; 0: a plain SIGIO
    s32 fd;        // the value of si_fd
};

struct file {
    struct refcount refs;
    const struct file_ops *ops;
    u32 flags; // O_*
    u64 pos;   // guarded by pos_lock; not used by files without a position
    struct mutex pos_lock;
    struct node *node; // with a reference; NULL: the file has no name
    size_t weight;     // bytes of memory that its close frees, besides struct file
    void *private;     // belongs to the ops
    struct file_owner owner;
};

static inline bool file_has_pos(const struct file *f)
{
    return f->ops->seek > SEEKS_NOWHERE;
}

// Woken whenever any file may have become ready. poll(2) sleeps on it.
extern struct wait_queue file_events;
// The POLL* bits of ops->poll or its default, without those that the open mode forbids.
u32 file_poll(struct file *f);

// How many open files there may be in the whole system (linux/fs/sysctl.c), and how many there are.
extern u64 file_max;
u64 file_count(void);

// Zeroed memory for an open file. ERR_PTR(-ENFILE) when there are too many, or -ENOMEM. Without
// file_init() it goes back by file_free().
struct file *file_alloc(void);
void file_free(struct file *f);
// file_init() makes an open file with one reference out of that memory. It takes a reference to the
// node, if there is one. file_new() also allocates the memory, and returns the errors of
// file_alloc().
void file_init(struct file *f, const struct file_ops *ops, struct node *n, void *private,
               u32 flags);
struct file *file_new(const struct file_ops *ops, struct node *n, void *private, u32 flags);
void file_get(struct file *f);
void file_put(struct file *f); // NULL: nothing

struct fd_table {
    struct refcount refs;
    bool shared;                // more than one thread uses it, or has used it
    struct spinlock lock;       // RANK_FILES
    u64 used[MAX_FDS / 64];     // one bit for each number that is open, or reserved
    u64 cloexec[MAX_FDS / 64];  // execve(2) closes these; valid only with the bit in `used`
    struct file *file[MAX_FDS]; // NULL: not open
};

// Whether the bit for this number is set.
static inline bool fd_is_in(const u64 *set, u32 fd)
{
    return set[fd / 64] & BIT(fd % 64);
}

// The first number that the running program may not use: its RLIMIT_NOFILE.
u32 fd_limit(void);

struct fd_table *fds_new(void);
// Opens in an empty table all files that are open in t, under the same numbers.
void fds_fill(struct fd_table *empty, struct fd_table *t);
struct fd_table *fds_copy(struct fd_table *t); // for fork; NULL when memory is out
void fds_put(struct fd_table *t);              // the last one closes all files. NULL: nothing
// Memory that its files weigh, in bytes.
u64 fds_weight(struct fd_table *t);
void fds_close_on_exec(struct fd_table *t);
// Reserves the lowest free number >= from. Returns it, or -EMFILE. A call that opens something does
// this first, before anything that a program could see. Then fd_fill() fills the number with a
// file, whose reference goes to the table. Or fd_give_back() gives it back. Until then the number
// is not open, and dup2(2) to it gives -EBUSY.
int fd_reserve(struct fd_table *t, bool cloexec, int from);
// Takes no lock: nobody else writes the place of a reserved number.
static inline void fd_fill(struct fd_table *t, int fd, struct file *f)
{
    __atomic_store_n(&t->file[fd], f, __ATOMIC_RELEASE);
}
void fd_give_back(struct fd_table *t, int fd);
// Reserves and fills in one step. -EMFILE when there is no number. Then the reference is dropped.
int fd_install(struct fd_table *t, struct file *f, bool cloexec, int from);
struct file *fd_get(struct fd_table *t, int fd); // with a reference; NULL: not open

// fd_get() without a reference, for one call by the running task. Its table must not be shared.
// Then nobody else can close the file during the call. Only the task itself can begin to share the
// table, by clone(2).
static inline struct file *fd_own(const struct fd_table *t, int fd)
{
    return (u32)fd < MAX_FDS ? t->file[fd] : NULL;
}

// Puts f at exactly fd, and closes the file that was there. Returns fd, -EBADF (not below
// fd_limit()), or -EBUSY (fd is reserved). The reference to f goes to the table, or is dropped on
// an error.
int fd_replace(struct fd_table *t, int fd, struct file *f, bool cloexec);
int fd_close(struct fd_table *t, int fd); // 0, or -EBADF: it is not open
// Sets the close-on-exec mark to `set` and returns it: 0 or 1, or -EBADF. With `set` below 0 it
// only returns it.
int fd_cloexec(struct fd_table *t, int fd, int set);

// Makes the tree of files out of the archive (boot_info.module_*), and the folders that the kernel
// makes. A broken archive is refused with one line, and the machine stops. Boot CPU, once, after
// heap_init().
void fs_init(void);
bool fs_have_archive(void); // false: no module was loaded
