// Page faults: a page comes on first touch, and a shared one is copied on first write.
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/mm/page.h"
#include "linux/mm/vm_internal.h"

// The part of the file that lies in the page at va.
static void copy_file_bytes(const struct vm_area *a, u64 va, u8 *to)
{
    u64 from = MAX(va, a->file_at), end = MIN(va + PAGE_SIZE, a->file_at + a->file_len);
    if (a->file && from < end)
        memcpy(to + (from - va), a->file + (from - a->file_at), end - from);
}

// A page of the area's own: what the object's page has, or the file. Takes the reference.
static u64 private_page(const struct vm_area *a, u64 va, u64 theirs)
{
    u64 pa = page_alloc_zeroed();
    if (pa && theirs)
        memcpy(phys_to_virt(pa), phys_to_virt(theirs), PAGE_SIZE);
    else if (pa)
        copy_file_bytes(a, va, phys_to_virt(pa));
    page_unref(theirs);
    return pa;
}

static int bring_in(struct vm_area *a, u64 va, u64 *pte)
{
    if (a->file && va >= ALIGN_UP(a->file_at + a->file_len, PAGE_SIZE))
        return -EIO; // nothing of the file is in this page
    u64 theirs = 0;
    if (a->object) {
        theirs = a->object->page(a->object, (va - a->object_at) >> PAGE_SHIFT);
        if (!theirs)
            return -EIO;
    }
    u64 pa = a->shared ? theirs : private_page(a, va, theirs);
    if (!pa)
        return -ENOMEM;
    *pte = pa | vm_page_flags(a);
    return 0;
}

// Makes a page that others share the area's own. The others' view does not change.
static int break_cow(struct mm *mm, u64 *pte, u64 flags)
{
    u64 old = *pte & PTE_ADDR;
    if (page_refs(old) > 1) {
        void *copy = pages_alloc(0);
        if (!copy)
            return -ENOMEM;
        memcpy(copy, phys_to_virt(old), PAGE_SIZE);
        *pte = virt_to_phys(copy) | flags;
        tlb_shootdown(mm->root); // other threads still see the old page
        page_unref(old);
    } else {
        *pte = old | flags;
    }
    return 0;
}

int vm_fault_in(struct mm *mm, u64 addr, bool write, bool fetch, bool force)
{
    u64 va = addr & PAGE_MASK;
    struct vm_area *a = vm_find(mm, va);
    if (!a || a->start > va)
        return -EFAULT;
    bool may_write = a->prot & PROT_WRITE;
    if (write && !may_write && a->shared)
        return -EACCES; // what others see is not the tracer's to change
    if (!force && ((write && !may_write) || (fetch && !(a->prot & PROT_EXEC)) || !a->prot))
        return -EACCES;
    u64 *pte = paging_walk(mm->root, va, true);
    if (!pte)
        return -ENOMEM;
    if (!*pte) {
        mm->minor_faults++;
        int err = bring_in(a, va, pte);
        if (!err)
            vm_count_page(mm);
        return err;
    }
    if (write && (*pte & PTE_COW)) {
        mm->minor_faults++;
        int err = break_cow(mm, pte, vm_page_flags(a));
        if (err)
            return err;
    }
    tlb_flush_page(va); // another thread was faster, or rights grew: only this CPU's view is old
    return 0;
}

int mm_fault(struct mm *mm, u64 addr, u32 error)
{
    if (addr >= TASK_SIZE_MAX)
        return -EFAULT;
    spin_lock(&mm->lock);
    int err = vm_fault_in(mm, addr, error & PF_WRITE, error & PF_FETCH, false);
    spin_unlock(&mm->lock);
    return err;
}

// One page's worth, through the direct map.
static int access_page(struct mm *mm, u64 addr, void *buf, size_t n, bool write, bool force)
{
    spin_lock(&mm->lock);
    int err = vm_fault_in(mm, addr, write, false, force);
    if (!err) {
        u8 *page = phys_to_virt(*paging_walk(mm->root, addr, false) & PTE_ADDR);
        if (write)
            memcpy(page + (addr & ~PAGE_MASK), buf, n);
        else
            memcpy(buf, page + (addr & ~PAGE_MASK), n);
    }
    spin_unlock(&mm->lock);
    return err;
}

ssize_t mm_access(struct mm *mm, u64 addr, void *buf, size_t n, bool write, bool force)
{
    size_t done = 0;
    while (done < n && addr + done < TASK_SIZE_MAX) {
        size_t part = MIN(n - done, PAGE_SIZE - ((addr + done) & ~PAGE_MASK));
        if (access_page(mm, addr + done, (u8 *)buf + done, part, write, force))
            break;
        done += part;
    }
    return done ? (ssize_t)done : -EFAULT;
}
