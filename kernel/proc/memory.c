// System calls on the address space.
#include "kernel/fs/file.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/vm.h"
#include "kernel/proc/process.h"
#include "kernel/proc/shm.h"
#include "kernel/proc/syscalls.h"
#include "perf/record.h"

#define MAP_TYPE            0x0f
#define MAP_SHARED_VALIDATE 0x03
#define MREMAP_MAYMOVE      1
#define MREMAP_FIXED        2

// clang-format off
enum {
    MADV_NORMAL = 0, MADV_RANDOM = 1, MADV_SEQUENTIAL = 2, MADV_WILLNEED = 3, MADV_DONTNEED = 4,
    MADV_FREE = 8, MADV_HUGEPAGE = 14, MADV_NOHUGEPAGE = 15,
};
// clang-format on

// Maps an object's pages from `page` on and drops the caller's reference to it: the area has its
// own, if there is one.
static s64 map_object(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, struct vm_object *o,
                      u64 page, const char *name)
{
    if (!o || IS_ERR(o))
        return o ? PTR_ERR(o) : -ENOMEM;
    s64 got = mm_map_object(mm, addr, len, prot, flags, o, page, name);
    vm_object_put(o);
    return got;
}

// `flags` has MAP_PRIVATE or MAP_SHARED.
static s64 map_file(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, struct file *f, u64 off)
{
    bool private = flags & MAP_PRIVATE;
    u32 mode = f->flags & O_ACCMODE;
    struct node *n = vfs_bytes_node(f);
    if (mode == O_WRONLY || (!private && (prot & PROT_WRITE) && mode != O_RDWR))
        return -EACCES;
    if (n) // files of the archive never change: shared or not is the same
        return mm_map_file(mm, addr, len, prot, (flags & ~MAP_SHARED) | MAP_PRIVATE,
                           n->data + MIN(off, n->size), n->size - MIN(off, n->size), 0, "file");
    if (!f->ops->map)
        return -ENODEV;
    return map_object(mm, addr, len, prot, flags,
                      f->ops->map(f, ALIGN_UP(len, PAGE_SIZE) / PAGE_SIZE, off, private),
                      off / PAGE_SIZE, "file");
}

static void tell_perf(u64 addr, u64 len, u32 prot, u32 flags, struct file *f, u64 offset)
{
    struct perf_mapping m = {
        .addr = addr,
        .len = ALIGN_UP(len, PAGE_SIZE),
        .offset = f ? offset : 0,
        .prot = prot,
        .flags = flags & MAP_TYPE,
    };
    char path[PROC_PATH_MAX];
    if (!perf_record_wanted())
        return;
    struct node *n = f ? vfs_bytes_node(f) : NULL;
    if (n && node_path(n, path, sizeof(path)) == 0) {
        m.path = path;
        m.ino = n->ino;
    }
    perf_record_mmap(&m);
}

s64 sys_mmap(u64 addr, u64 len, u32 prot, u32 flags, int fd, u64 offset)
{
    struct mm *mm = current_task()->mm;
    u32 type = flags & MAP_TYPE;
    flags = (flags & ~MAP_TYPE) | (type == MAP_PRIVATE ? MAP_PRIVATE : MAP_SHARED);
    if (!len || offset % PAGE_SIZE ||
        (type != MAP_PRIVATE && type != MAP_SHARED && type != MAP_SHARED_VALIDATE) ||
        (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC)))
        return -EINVAL;
    if (len > TASK_SIZE_MAX)
        return -ENOMEM;
    struct file *f = flags & MAP_ANONYMOUS ? NULL : fd_get(current_process()->fds, fd);
    s64 got = -EBADF;
    if (f)
        got = map_file(mm, addr, len, prot, flags, f, offset);
    else if (!(flags & MAP_ANONYMOUS))
        return got;
    else if (type != MAP_PRIVATE)
        got = map_object(mm, addr, len, prot, flags, shm_new(ALIGN_UP(len, PAGE_SIZE) / PAGE_SIZE),
                         0, "shared");
    else
        got = mm_map(mm, addr, len, prot, flags, "");
    if (got >= 0)
        tell_perf(got, len, prot, flags, f, offset);
    if (f)
        file_put(f);
    return got;
}

s64 sys_munmap(u64 addr, u64 len)
{
    if (!len || addr % PAGE_SIZE || !len || len > TASK_SIZE_MAX || addr > TASK_SIZE_MAX - len)
        return -EINVAL;
    return mm_unmap(current_task()->mm, addr, len);
}

// Shrinks in place, moves shared memory of the same size; nothing grows, as ENOMEM tells.
s64 sys_mremap(u64 addr, u64 len, u64 new_len, u64 flags, u64 to)
{
    struct mm *mm = current_task()->mm;
    bool fixed = flags & MREMAP_FIXED;
    if (addr % PAGE_SIZE || !len || !new_len || len > TASK_SIZE_MAX || new_len > TASK_SIZE_MAX ||
        addr > TASK_SIZE_MAX - len || (flags & ~(u64)(MREMAP_MAYMOVE | MREMAP_FIXED)) ||
        (fixed && !(flags & MREMAP_MAYMOVE)))
        return -EINVAL;
    len = ALIGN_UP(len, PAGE_SIZE);
    new_len = ALIGN_UP(new_len, PAGE_SIZE);
    if (fixed && (to % PAGE_SIZE || (to < addr + len && addr < to + new_len)))
        return -EINVAL;
    int err = new_len < len ? mm_unmap(mm, addr + new_len, len - new_len) : 0;
    if (err)
        return err;
    if (new_len > len)
        return -ENOMEM;
    return fixed ? mm_move(mm, addr, new_len, to, true) : (s64)addr;
}

s64 sys_mprotect(u64 addr, u64 len, u32 prot)
{
    if (addr % PAGE_SIZE || (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC)))
        return -EINVAL;
    if (len > TASK_SIZE_MAX || addr > TASK_SIZE_MAX - len)
        return -ENOMEM;
    return len ? mm_protect(current_task()->mm, addr, len, prot) : 0;
}

s64 sys_brk(u64 brk)
{
    return mm_brk(current_task()->mm, brk);
}

// Contents forgotten: the same area again, fresh. Only for private anonymous memory of one area.
static s64 dontneed(struct mm *mm, u64 addr, u64 len)
{
    struct vm_area *area;
    s64 prot = -1;
    char name[sizeof(area->name)] = "";
    spin_lock(&mm->lock);
    list_for_each (area, &mm->areas, node) {
        if (addr < area->start || addr >= area->end)
            continue;
        if (len <= area->end - addr && !area->shared && !area->file && !area->object) {
            prot = area->prot;
            __builtin_memcpy(name, area->name, sizeof(name));
        }
    }
    spin_unlock(&mm->lock);
    if (prot < 0)
        return -EINVAL;
    s64 got = mm_map(mm, addr, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, name);
    return got < 0 ? got : 0;
}

s64 sys_madvise(u64 addr, u64 len, int advice)
{
    if (addr % PAGE_SIZE || len > TASK_SIZE_MAX)
        return -EINVAL;
    len = ALIGN_UP(len, PAGE_SIZE);
    switch (advice) {
    case MADV_NORMAL:
    case MADV_RANDOM:
    case MADV_SEQUENTIAL:
    case MADV_WILLNEED:
    case MADV_FREE:
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
        return 0;
    case MADV_DONTNEED:
        return len ? dontneed(current_task()->mm, addr, len) : 0;
    default:
        return -EINVAL;
    }
}
