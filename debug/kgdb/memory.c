// Memory for gdb: see memory.h.
#include "arch/x86/user/paging_user.h"
#include "debug/kgdb/window.h"
#include "debug/kgdb/memory.h"
#include "kernel/base/string.h"
#include "linux/mm/vm.h"

// A kernel thread has no page tables of its own. The kernel's half is the same in all.
static u64 root_of(const struct task *t)
{
    return t->mm ? t->mm->root : read_cr3() & PTE_ADDR;
}

int memory_move(const struct task *t, u64 addr, u8 *bytes, size_t n, bool write)
{
    u64 pa, flags;
    while (n) {
        size_t part = MIN(n, PAGE_SIZE - addr % PAGE_SIZE);
        if (!is_canonical(addr) || (addr < TASK_SIZE_MAX && !t->mm) ||
            !paging_lookup(root_of(t), addr, &pa, &flags))
            return -EFAULT;
        if (write && addr < TASK_SIZE_MAX && !(flags & PTE_W))
            return -EFAULT; // other address spaces may share this page
        u8 *there = window_open(pa, flags);
        if (write)
            memcpy(there, bytes, part);
        else
            memcpy(bytes, there, part);
        window_close();
        addr += part;
        bytes += part;
        n -= part;
    }
    return 0;
}
