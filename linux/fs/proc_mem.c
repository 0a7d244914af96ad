// /proc/PID/mem: the memory of a process. The file position is the address. A program that may open
// it has power over the process anyway. So it may write areas that the process itself cannot
// write, as with ptrace(2).
#include "arch/x86/uaccess.h"
#include "linux/fs/procfs.h"
#include "linux/mm/vm.h"

#define PIECE 1024 // bytes that are moved at once, by way of the stack

// Moves the next piece. Bytes, or -errno.
static ssize_t move_piece(struct mm *mm, u64 addr, u64 ubuf, size_t n, bool write)
{
    u8 piece[PIECE];
    n = MIN(n, sizeof(piece));
    if (write && copy_from_user(piece, ubuf, n))
        return -EFAULT;
    ssize_t moved = mm_access(mm, addr, piece, n, write, true);
    if (moved < 0)
        return -EIO;
    return !write && copy_to_user(ubuf, piece, moved) ? -EFAULT : moved;
}

static ssize_t move(struct file *f, u64 ubuf, size_t n, u64 *pos, bool write)
{
    struct mm *mm = proc_mm(f->node->arg);
    size_t done = 0;
    ssize_t moved = 0;
    if (!mm)
        return 0; // a zombie has no memory
    while (done < n && !sched_killed()) {
        moved = move_piece(mm, *pos, ubuf + done, n - done, write);
        if (moved < 0)
            break;
        done += moved;
        *pos += moved;
    }
    mm_put(mm);
    return done ? (ssize_t)done : moved;
}

static ssize_t mem_read(struct file *f, u64 ubuf, size_t n, u64 *pos)
{
    return move(f, ubuf, n, pos, false);
}

static ssize_t mem_write(struct file *f, u64 ubuf, size_t n, u64 *pos)
{
    return move(f, ubuf, n, pos, true);
}

const struct file_ops proc_mem_ops = {.seek = SEEKS_NO_END, .read = mem_read, .write = mem_write};
