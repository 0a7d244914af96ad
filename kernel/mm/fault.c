// Bringing pages in: first touch, copy on write, and access to address spaces from outside.
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm_internal.h"

u64 area_pte_flags(const struct vm_area *a, bool exclusive)
{
    u64 flags = a->prot ? PTE_P | PTE_U : PTE_U;
    if (!(a->prot & PROT_EXEC))
        flags |= PTE_NX;
    if (a->prot & PROT_WRITE)
        flags |= a->shared || exclusive ? PTE_W : PTE_COW;
    return flags;
}

// The part of the file that lies in the page at va.
static void copy_file_bytes(const struct vm_area *a, u64 va, u8 *to)
{
    u64 first = a->start + a->file_skew, last = first + a->file_len;
    u64 from = MAX(va, first), until = MIN(va + PAGE_SIZE, last);
    if (from < until)
        memcpy(to + (from - va), a->file + (from - first), until - from);
}

// A page for an empty entry, with a reference.
static int new_page(const struct vm_area *a, u64 va, u64 *pa)
{
    if (a->object) {
        u64 n = a->object_page + (va - a->start) / PAGE_SIZE;
        *pa = a->object->page(a->object, n);
        if (!*pa)
            return n < a->object->nr_pages ? -ENOMEM : -EIO;
        return 0;
    }
    *pa = page_alloc_zeroed();
    if (!*pa)
        return -ENOMEM;
    if (a->file)
        copy_file_bytes(a, va, phys_to_virt(*pa));
    return 0;
}

// Gives the entry a page of its own if others use the one it has.
static int unshare(struct mm *mm, const struct vm_area *a, u64 va, u64 *pte)
{
    u64 old = *pte & PTE_ADDR;
    if (page_refs(old) == 1) {
        *pte = old | area_pte_flags(a, true);
        tlb_flush_page(va); // elsewhere a stale entry only faults once more
        return 0;
    }
    void *copy = pages_alloc(0);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, phys_to_virt(old), PAGE_SIZE);
    *pte = virt_to_phys(copy) | area_pte_flags(a, true);
    tlb_shootdown(mm->root);
    page_unref(old);
    return 0;
}

int area_get_page(struct mm *mm, const struct vm_area *a, u64 va, bool write, u64 *pa)
{
    u64 *pte = paging_walk(mm->root, va, true);
    int err = 0;
    if (!pte)
        return -ENOMEM;
    if (!*pte) {
        err = new_page(a, va, pa);
        if (!err)
            *pte = *pa | area_pte_flags(a, true);
        return err;
    }
    if (write && !a->shared && !(*pte & PTE_W))
        err = unshare(mm, a, va, pte);
    *pa = *pte & PTE_ADDR;
    return err;
}

int mm_fault(struct mm *mm, u64 addr, u32 error)
{
    u64 va = addr & PAGE_MASK, pa;
    u32 need = error & PF_WRITE ? PROT_WRITE : error & PF_FETCH ? PROT_EXEC : ~0u;
    int err = -EFAULT;
    spin_lock(&mm->lock);
    struct vm_area *a = area_find(mm, addr);
    if (a && !(a->prot & need)) {
        err = -EACCES;
    } else if (a) {
        err = area_get_page(mm, a, va, error & PF_WRITE, &pa);
        if (!err && (error & PF_PRESENT))
            tlb_flush_page(va); // the entry may have been right already, and this CPU's memory of it old
        mm->minor_faults++;
    }
    spin_unlock(&mm->lock);
    return err;
}

// At most to the end of the page. Bytes done, or an error.
static ssize_t access_page(struct mm *mm, u64 addr, void *buf, size_t n, bool write, bool force)
{
    u64 offset = addr % PAGE_SIZE, pa;
    n = MIN(n, PAGE_SIZE - offset);
    struct vm_area *a = area_find(mm, addr);
    if (!a || !a->prot)
        return -EFAULT;
    if (write && !(a->prot & PROT_WRITE) && (!force || a->shared))
        return -EFAULT;
    int err = area_get_page(mm, a, addr - offset, write, &pa);
    if (err)
        return err;
    u8 *at = (u8 *)phys_to_virt(pa) + offset;
    if (write)
        memcpy(at, buf, n);
    else
        memcpy(buf, at, n);
    return n;
}

ssize_t mm_access(struct mm *mm, u64 addr, void *buf, size_t n, bool write, bool force)
{
    size_t done = 0;
    while (done < n) {
        spin_lock(&mm->lock);
        ssize_t got = access_page(mm, addr + done, (u8 *)buf + done, n - done, write, force);
        spin_unlock(&mm->lock);
        if (got < 0)
            return done ? (ssize_t)done : -EFAULT;
        done += got;
    }
    return done;
}
