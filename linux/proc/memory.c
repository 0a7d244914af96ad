// System calls on the address space.
#include "linux/fs/vfs.h"
#include "linux/mm/vm.h"
#include "linux/task/process.h"
#include "linux/mm/shm.h"
#include "linux/proc/syscalls.h"
#include "linux/perf/record.h"

#define MAP_LEGACY 0x7f970 // flags older than MAP_SHARED_VALIDATE, which refuses others

// These two, and all advice that is only a hint. The hints are: normal, random, sequential, will be
// needed, may be merged, huge, dumped, cold, out.
#define MADV_KNOWN 0x0033f11full

// Maps an object's pages from `page` on. Drops the caller's reference to the object, because the
// area has a reference of its own.
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
    if (!private && mode != O_RDWR)
        prot |= PROT_STAYS_READ_ONLY;
    if (n) // files of the archive never change: shared or not is the same
        return mm_map_file(mm, addr, len, prot, (flags & ~MAP_SHARED) | MAP_PRIVATE,
                           n->data + MIN(off, n->size), n->size - MIN(off, n->size), 0, "file");
    if (!f->ops->map)
        return -ENODEV;
    return map_object(mm, addr, len, prot, flags,
                      f->ops->map(f, ALIGN_UP(len, PAGE_SIZE) / PAGE_SIZE, off, prot, private),
                      off / PAGE_SIZE, f->node ? "file" : f->ops->name);
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
        m.minor = FS_DEV;
        m.ino = n->ino;
    }
    perf_record_mmap(&m);
}

static int check_mmap(u64 len, u32 flags, u64 offset)
{
    u32 type = flags & MAP_TYPE;
    bool validate = type == MAP_SHARED_VALIDATE && !(flags & MAP_ANONYMOUS);
    if (!len || (type != MAP_PRIVATE && type != MAP_SHARED && !validate))
        return -EINVAL;
    if (validate && flags & ~(MAP_TYPE | MAP_LEGACY))
        return -EOPNOTSUPP;
    if (len > TASK_SIZE_MAX)
        return -ENOMEM;
    return (s64)offset < 0 || (s64)(offset + len) < 0 ? -EOVERFLOW : 0;
}

s64 sys_mmap(u64 addr, u64 len, u32 prot, u32 flags, int fd, u64 offset)
{
    struct mm *mm = current_task()->mm;
    bool anonymous = flags & MAP_ANONYMOUS, private = (flags & MAP_TYPE) == MAP_PRIVATE;
    if (offset % PAGE_SIZE)
        return -EINVAL;
    struct file *f = anonymous ? NULL : fd_get(current_process()->fds, fd);
    if (!f && !anonymous)
        return -EBADF;
    s64 got = check_mmap(len, flags, offset);
    prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
    flags = (flags & ~(MAP_TYPE | MAP_STACK | MAP_MOVES)) | (private ? MAP_PRIVATE : MAP_SHARED);
    if (!got && f)
        got = map_file(mm, addr, len, prot, flags, f, offset);
    else if (!got && private)
        got = mm_map(mm, addr, len, prot, flags, "");
    else if (!got)
        got = map_object(mm, addr, len, prot, flags,
                         shm_new(ALIGN_UP(len, PAGE_SIZE) / PAGE_SIZE, NULL), 0,
                         "/dev/zero (deleted)");
    if (got >= 0)
        tell_perf(got, len, prot, flags, f, offset);
    file_put(f);
    return got;
}

s64 sys_munmap(u64 addr, u64 len)
{
    return mm_unmap(current_task()->mm, addr, len);
}

// Shrinks a mapping, or moves shared memory. A mapping cannot grow: -ENOMEM.
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
    if (mm_look(mm, addr, new_len > len ? len : PAGE_SIZE, MM_MAPPED))
        return -EFAULT;
    if (new_len > len)
        return -ENOMEM;
    if (fixed)
        return mm_move(mm, addr, len, new_len, to);
    int err = new_len < len ? mm_unmap(mm, addr + new_len, len - new_len) : 0;
    return err ? err : (s64)addr;
}

s64 sys_mprotect(u64 addr, u64 len, u32 prot)
{
    return mm_protect(current_task()->mm, addr, len, prot);
}

s64 sys_brk(u64 brk)
{
    return mm_brk(current_task()->mm, brk);
}

// Shared mappings of a file show the pages of the file itself, so nothing has to be written back.
s64 sys_msync(u64 addr, u64 len, int flags)
{
    bool both = (flags & MS_ASYNC) && (flags & MS_SYNC);
    if (addr % PAGE_SIZE || both || (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)))
        return -EINVAL;
    return mm_look(current_task()->mm, addr, len, MM_MAPPED);
}

// There is nothing to do, because pages are never swapped out.
s64 sys_mlock(u64 addr, u64 len)
{
    u64 start = addr & PAGE_MASK;
    return mm_look(current_task()->mm, start, addr - start + len, MM_MAPPED);
}

s64 sys_madvise(u64 addr, u64 len, int advice)
{
    if (addr % PAGE_SIZE || len > TASK_SIZE_MAX || advice < 0 || advice >= 64 ||
        !(MADV_KNOWN & BIT(advice)))
        return -EINVAL;
    return mm_look(current_task()->mm, addr, len,
                   advice == MADV_DONTNEED ? MM_FORGET
                   : advice == MADV_FREE   ? MM_ANONYMOUS
                                           : MM_MAPPED);
}
