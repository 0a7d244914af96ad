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

// clang-format off
enum {
    MADV_NORMAL = 0, MADV_RANDOM = 1, MADV_SEQUENTIAL = 2, MADV_WILLNEED = 3, MADV_DONTNEED = 4,
    MADV_FREE = 8, MADV_HUGEPAGE = 14, MADV_NOHUGEPAGE = 15,
};
// clang-format on

static s64 map_shared(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags)
{
    struct vm_object *o = shm_new(ALIGN_UP(len, PAGE_SIZE) / PAGE_SIZE);
    if (!o)
        return -ENOMEM;
    s64 got = mm_map_object(mm, addr, len, prot, (flags & ~MAP_TYPE) | MAP_SHARED, o, 0, "shared");
    if (ref_put(&o->refs)) // the area has its own, if there is one
        o->release(o);
    return got;
}

static s64 map_file(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, struct file *f, u64 off)
{
    bool private = (flags & MAP_TYPE) == MAP_PRIVATE;
    struct node *n = vfs_bytes_node(f);
    flags &= ~MAP_TYPE;
    if ((f->flags & O_ACCMODE) == O_WRONLY || (n && !private && (prot & PROT_WRITE)))
        return -EACCES; // files of the archive never change
    if (n)
        return mm_map_file(mm, addr, len, prot, flags | MAP_PRIVATE, n->data + MIN(off, n->size),
                           n->size - MIN(off, n->size), 0, "file");
    if (!f->ops->map || private)
        return f->ops->map ? -EINVAL : -ENODEV;
    struct vm_object *o = f->ops->map(f, ALIGN_UP(len, PAGE_SIZE) / PAGE_SIZE, off);
    if (IS_ERR(o))
        return PTR_ERR(o);
    s64 got = mm_map_object(mm, addr, len, prot, flags | MAP_SHARED, o, off / PAGE_SIZE, "file");
    if (ref_put(&o->refs)) // the area has its own, if there is one
        o->release(o);
    return got;
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
        got = map_shared(mm, addr, len, prot, flags);
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
        if (len <= area->end - addr && !area->shared && !area->file) {
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
