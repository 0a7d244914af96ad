// process_vm_readv(2) and process_vm_writev(2): they move bytes between two address spaces.
#include "arch/x86/uaccess.h"
#include "linux/fs/syscalls.h"
#include "linux/mm/vm.h"
#include "linux/task/process.h"
#include "linux/proc/syscalls.h"

#define PIECE 1024 // bytes that are moved at once, by way of the stack

// The place that one side has reached in its vector.
struct cursor {
    u64 uvec, left; // the next elements: their address and their number
    struct iovec v; // the rest of the present element
};

// 0, -EFAULT, or -EINVAL: too many elements, or a negative length.
static int check(u64 uvec, u64 count)
{
    struct iovec v;
    if (count > IOV_MAX)
        return -EINVAL;
    for (u64 i = 0; i < count; i++) {
        if (get_user(v, uvec + i * sizeof(v)))
            return -EFAULT;
        if ((s64)v.len < 0)
            return -EINVAL;
    }
    return 0;
}

// How many bytes from here on are in one element and in one page. 0 at the end.
static size_t run(struct cursor *c)
{
    while (!c->v.len && c->left) {
        if (get_user(c->v, c->uvec))
            return 0;
        c->uvec += sizeof(c->v);
        c->left--;
    }
    return MIN(c->v.len, PAGE_SIZE - (c->v.base & ~PAGE_MASK));
}

static void advance(struct cursor *c, size_t n)
{
    c->v.base += n;
    c->v.len -= n;
}

// Moves n bytes, which cross no page on either side. So either all of them are moved (0) or none
// (-EFAULT).
static int move(struct mm *mm, u64 remote, u64 local, size_t n, bool write)
{
    u8 piece[PIECE];
    if (write && copy_from_user(piece, local, n))
        return -EFAULT;
    if (mm_access(mm, remote, piece, n, write, false) != (ssize_t)n)
        return -EFAULT;
    return write ? 0 : copy_to_user(local, piece, n);
}

static s64 move_all(struct mm *mm, struct cursor *local, struct cursor *remote, bool write)
{
    s64 done = 0;
    size_t n;
    while ((n = MIN(run(local), run(remote))) && done < RW_MAX && !sched_killed()) {
        n = MIN(MIN(n, (size_t)PIECE), RW_MAX - (size_t)done);
        if (move(mm, remote->v.base, local->v.base, n, write))
            return done ? done : -EFAULT;
        advance(local, n);
        advance(remote, n);
        done += n;
    }
    return done;
}

static s64 process_vm(s32 pid, struct cursor *local, struct cursor *remote, u64 flags, bool write)
{
    int err = flags ? -EINVAL : check(local->uvec, local->left);
    if (!err && run(local))
        err = check(remote->uvec, remote->left);
    if (err || !run(local) || !run(remote))
        return err;
    struct task *t = task_find(pid);
    struct mm *mm = t && t->process ? process_mm(t->process) : NULL;
    if (t)
        task_put(t);
    if (!mm)
        return -ESRCH;
    s64 result = move_all(mm, local, remote, write);
    mm_put(mm);
    return result;
}

s64 sys_process_vm_readv(s32 pid, u64 ulocal, u64 locals, u64 uremote, u64 remotes, u64 flags)
{
    struct cursor local = {ulocal, locals, {0}}, remote = {uremote, remotes, {0}};
    return process_vm(pid, &local, &remote, flags, false);
}

s64 sys_process_vm_writev(s32 pid, u64 ulocal, u64 locals, u64 uremote, u64 remotes, u64 flags)
{
    struct cursor local = {ulocal, locals, {0}}, remote = {uremote, remotes, {0}};
    return process_vm(pid, &local, &remote, flags, true);
}
