// /dev: null, zero, full, random, the console under two names, and a file of the host.
#include "arch/x86/uaccess.h"
#include "linux/base/mutex.h"
#include "linux/fs/console.h"
#include "linux/fs/vfs.h"
#include "linux/mm/shm.h"
#include "linux/fs/upcalls.h"

#define RDEV(major, minor) ((major) << 8 | (minor))

static ssize_t null_read(struct file *, u64, size_t, u64 *)
{
    return 0;
}

static ssize_t zero_read(struct file *, u64 ubuf, size_t n, u64 *)
{
    size_t done = 0, piece;
    for (; done < n && !sched_killed(); done += piece) {
        piece = user_piece(ubuf + done, n - done);
        if (clear_user(ubuf + done, piece))
            break;
    }
    return done || !n ? (ssize_t)done : -EFAULT;
}

static ssize_t null_write(struct file *, u64, size_t n, u64 *)
{
    return n;
}

static ssize_t full_write(struct file *, u64, size_t, u64 *)
{
    return -ENOSPC; // even of no bytes, as on Linux
}

static ssize_t random_read(struct file *, u64 ubuf, size_t n, u64 *)
{
    return sys_getrandom(ubuf, n, 0);
}

static struct vm_object *zero_map(struct file *, u64 pages, u64, u32, bool)
{
    struct vm_object *o = shm_new(pages, NULL);
    return o ? o : ERR_PTR(-ENOMEM);
}

static const struct file_ops null_ops = {
    .seek = SEEKS_NOWHERE,
    .read = null_read,
    .write = null_write,
};

static const struct file_ops zero_ops = {
    .seek = SEEKS_NOWHERE,
    .read = zero_read,
    .write = null_write,
    .map = zero_map,
};

static const struct file_ops full_ops = {
    .seek = SEEKS_NOWHERE,
    .read = zero_read,
    .write = full_write,
};

static const struct file_ops random_ops = {
    .seek = SEEKS_NOWHERE,
    .read = random_read,
    .write = null_write,
};

// ---- /dev/host: a file of the host, which a serial port leads to (tools/emu.py) ----

#define HOST_CHUNK 512

static struct mutex host_lock; // keeps the bytes of one write(2) together

// Without the port the bytes would get lost, so the file cannot be opened then.
static int host_open(struct file *)
{
    return serial_port[COM3] ? 0 : -ENXIO;
}

static ssize_t host_write(struct file *, u64 ubuf, size_t n, u64 *)
{
    char buf[HOST_CHUNK];
    size_t done = 0, chunk;
    if (mutex_lock_killable(&host_lock))
        return -EINTR;
    for (; done < n && !sched_killed(); done += chunk) {
        chunk = MIN(n - done, sizeof(buf));
        if (copy_from_user(buf, ubuf + done, chunk))
            break;
        serial_write(COM3, buf, chunk);
    }
    mutex_unlock(&host_lock);
    return done || !n ? (ssize_t)done : -EFAULT;
}

static const struct file_ops host_ops = {.open = host_open, .write = host_write};

void dev_init(void)
{
    struct node *dir = node_add(fs_root, "dev", S_IFDIR | 0755, &dir_ops);
    u32 tty = console_init();
    const struct {
        const char *name;
        u32 mode, rdev;
        const struct file_ops *ops;
    } devices[] = {
        {"null", S_IFCHR | 0666, RDEV(1, 3), &null_ops},
        {"zero", S_IFCHR | 0666, RDEV(1, 5), &zero_ops},
        {"full", S_IFCHR | 0666, RDEV(1, 7), &full_ops},
        {"random", S_IFCHR | 0666, RDEV(1, 8), &random_ops},
        {"urandom", S_IFCHR | 0666, RDEV(1, 9), &random_ops},
        {"tty", tty, RDEV(5, 0), &console_ops},
        {"console", tty, RDEV(5, 1), &console_ops},
        {"host", S_IFCHR | 0222, RDEV(10, 240), &host_ops}, // a number for local use
    };
    for (u32 i = 0; i < ARRAY_SIZE(devices); i++)
        node_add(dir, devices[i].name, devices[i].mode, devices[i].ops)->arg = devices[i].rdev;
    mutex_init(&host_lock, "host", RANK_HOST);
}
