// /tmp: directories, files and links in memory. The bytes of a file are the pages of an object.
// Mappings of the file share these pages. The object has as many pages as the file needs.
#include "arch/x86/uaccess.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "linux/base/limited.h"
#include "linux/fs/vfs.h"
#include "linux/mm/vm.h"
#include "linux/mm/shm.h"
#include "linux/task/process.h"

#define TMP_FILE_MAX (4ull << 20) // most bytes of a file; -EFBIG beyond
#define KEPT_FREE    8            // if less than 1/8 of the memory is free: -ENOSPC
// As on Linux (tmpfs(5)) /tmp may have half of the machine's pages, and as many files. Beyond that:
// -ENOSPC.
#define TMP_SHARE 2

static struct shm_pool pool;    // of all files
static u64 max_files, nr_files; // of all kinds; nr_files is atomic

static struct mutex tmp_lock; // guards sizes. Bytes past a file's size are zero

static struct vm_object *object_of(struct node *n)
{
    return (struct vm_object *)n->arg;
}

// Clears the bytes [from, to), as far as their pages are there.
static void clear(struct node *n, u64 from, u64 to)
{
    for (u64 end; from < to; from = end) {
        end = MIN(ALIGN_DOWN(from, PAGE_SIZE) + PAGE_SIZE, to);
        u64 pa = shm_peek(object_of(n), from / PAGE_SIZE);
        if (pa)
            memset((u8 *)phys_to_virt(pa) + from % PAGE_SIZE, 0, end - from);
    }
}

static void set_size(struct node *n, u64 size)
{
    n->size = size;
    object_of(n)->nr_pages = ALIGN_UP(size, PAGE_SIZE) / PAGE_SIZE;
}

// Copies between the program and the page that holds `pos`. Stops at the end of that page, and of
// the program's page. Bytes that were never written read as zero, and need no page. Returns the
// bytes, or -errno, and then the file has no new byte.
static ssize_t copy_in_page(struct node *n, bool write, u64 ubuf, size_t len, u64 pos)
{
    struct vm_object *o = object_of(n);
    u64 at = pos % PAGE_SIZE, pa = shm_peek(o, pos / PAGE_SIZE);
    u8 first;
    len = MIN(user_piece(ubuf, len), PAGE_SIZE - at);
    if (!write && !pa)
        return clear_user(ubuf, len) ? -EFAULT : (ssize_t)len;
    if (!pa) {
        if (get_user(first, ubuf))
            return -EFAULT; // before there is a page
        if (shm_make(o, pos / PAGE_SIZE, &pa))
            return -ENOSPC;
    }
    u8 *byte = (u8 *)phys_to_virt(pa) + at;
    bool fault = write ? copy_from_user(byte, ubuf, len) : copy_to_user(ubuf, byte, len);
    if (write && fault)
        clear(n, MAX(pos, n->size), pos + len); // a part may have been copied
    return fault ? -EFAULT : (ssize_t)len;
}

static ssize_t transfer(struct node *n, bool write, u64 ubuf, size_t len, u64 *pos)
{
    size_t done = 0;
    ssize_t part = 0;
    for (; done < len && !sched_killed(); done += part, *pos += part) {
        part = copy_in_page(n, write, ubuf + done, len - done, *pos);
        if (part < 0)
            break;
    }
    return done ? (ssize_t)done : part;
}

static ssize_t tmp_read(struct file *f, u64 ubuf, size_t len, u64 *pos)
{
    mutex_lock(&tmp_lock);
    len = *pos < f->node->size ? MIN(len, f->node->size - *pos) : 0;
    ssize_t got = transfer(f->node, false, ubuf, len, pos);
    node_was_read(f->node);
    mutex_unlock(&tmp_lock);
    return got;
}

// How many of `len` bytes at `at` a file may have, or -EFBIG. If the process's limit is in the way,
// the process also gets SIGXFSZ (setrlimit(2)).
static ssize_t room(u64 at, size_t len)
{
    u64 limit = rlimit_soft(RLIMIT_FSIZE);
    if (at >= limit)
        signal_refused(SIGXFSZ);
    limit = MIN(limit, TMP_FILE_MAX);
    return at < limit ? (ssize_t)MIN(len, limit - at) : -EFBIG;
}

static ssize_t tmp_write(struct file *f, u64 ubuf, size_t len, u64 *pos)
{
    struct node *n = f->node;
    if (!len)
        return 0;
    mutex_lock(&tmp_lock);
    u64 end = f->flags & O_APPEND ? n->size : *pos;
    ssize_t put = room(end, len);
    if (put > 0 && pages_free_count() < pages_total / KEPT_FREE)
        put = -ENOSPC;
    else if (put > 0)
        put = transfer(n, true, ubuf, (size_t)put, &end);
    if (put > 0) {
        node_was_written(n);
        set_size(n, MAX(n->size, end));
        *pos = end;
    }
    mutex_unlock(&tmp_lock);
    return put;
}

static int tmp_truncate(struct file *f, u64 size)
{
    mutex_lock(&tmp_lock);
    u64 old = f->node->size;
    bool fits = size <= old || room(size - 1, 1) > 0;
    if (fits) {
        set_size(f->node, size);
        if (size < old && object_of(f->node)->refs.n > 1) // somebody may have mapped the rest
            process_each_mm(mm_trim);
        clear(f->node, size, old);
        node_was_written(f->node);
    }
    mutex_unlock(&tmp_lock);
    return fits ? 0 : -EFBIG;
}

static struct vm_object *tmp_map(struct file *f, u64, u64, u32, bool)
{
    ref_get(&object_of(f->node)->refs);
    node_was_read(f->node);
    return object_of(f->node);
}

static const struct file_ops tmp_file_ops = {
    .seek = SEEKS_NODE_SIZE,
    .read = tmp_read,
    .write = tmp_write,
    .truncate = tmp_truncate,
    .map = tmp_map,
};

static void release(struct node *n)
{
    if (n->arg)
        vm_object_put(object_of(n));
    kfree((void *)n->data);
    __atomic_fetch_sub(&nr_files, 1, __ATOMIC_RELAXED);
}

static bool make_file(struct node *n)
{
    n->arg = (u64)shm_new(TMP_FILE_MAX / PAGE_SIZE, &pool);
    if (!n->arg)
        return false;
    n->fops = &tmp_file_ops;
    set_size(n, 0);
    return true;
}

static bool make_link(struct node *n, const char *text)
{
    n->size = strlen(text);
    char *copy = kalloc(n->size);
    if (!copy)
        return false;
    n->data = memcpy(copy, text, n->size);
    return true;
}

static struct node *tmp_create(struct node *dir, const char *name, size_t len, u32 mode,
                               const char *text)
{
    static const struct node_ops dir_node_ops = {.create = tmp_create, .release = release};
    static const struct node_ops ops = {.release = release};
    if (!count_up(&nr_files, 1, max_files))
        return ERR_PTR(-ENOSPC);
    struct node *n = node_new(dir, name, len, mode, 0);
    if (!n) {
        __atomic_fetch_sub(&nr_files, 1, __ATOMIC_RELAXED);
        return ERR_PTR(-ENOMEM);
    }
    bool is_dir = node_is(n, S_IFDIR);
    n->ops = is_dir ? &dir_node_ops : &ops;
    if (!is_dir && !(text ? make_link(n, text) : make_file(n))) {
        node_put(n);
        return ERR_PTR(-ENOMEM);
    }
    n->tmp = true;
    n->atime = n->mtime = n->ctime = vfs_now();
    node_was_written(dir);
    node_link(n);
    node_get(n);
    return n;
}

void tmpfs_fill_statfs(struct statfs *st)
{
    u64 files = __atomic_load_n(&nr_files, __ATOMIC_RELAXED);
    u64 used = __atomic_load_n(&pool.used, __ATOMIC_RELAXED);
    st->blocks = pool.max;
    st->bfree = st->bavail = MIN(pool.max - MIN(used, pool.max), pages_free_count());
    st->files = max_files;
    st->ffree = max_files - MIN(files, max_files);
}

void tmpfs_init(void)
{
    pool.max = max_files = pages_total / TMP_SHARE;
    static const struct node_ops dir_node_ops = {.create = tmp_create};
    mutex_init(&tmp_lock, "file data", RANK_FILE_DATA);
    struct node *tmp = node_add(fs_root, "tmp", S_IFDIR | 01777, &dir_ops);
    tmp->ops = &dir_node_ops;
    tmp->tmp = true;
    tmp->atime = tmp->mtime = tmp->ctime = vfs_now();
}
