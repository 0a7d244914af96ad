// Page faults. A page comes on its first touch. A page that is shared copy-on-write is copied on
// its first write.
#include "arch/x86/user/paging_user.h"
#include "kernel/base/string.h"
#include "kernel/mm/page.h"
#include "linux/base/mutex.h"
#include "linux/mm/vm_internal.h"

// Copies the part of the file that lies in the page at va.
static void copy_file_bytes(const struct vm_area *a, u64 va, u8 *to)
{
    u64 from = MAX(va, a->shows_at), end = MIN(va + PAGE_SIZE, a->shows_at + a->file_len);
    if (a->file && from < end)
        memcpy(to + (from - va), a->file + (from - a->shows_at), end - from);
}

// Makes a page for this area alone. It gets the content of the object's page `theirs`, or, without
// one, the bytes of the file. The reference to `theirs` is dropped. 0 when memory is out.
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

// Several threads may be here for one page. The page of the first thread stays.
static int bring_in(struct mm *mm, struct vm_area *a, u64 va, u64 *pte)
{
    if (a->file && va >= ALIGN_UP(a->shows_at + a->file_len, PAGE_SIZE))
        return -EIO; // nothing of the file is in this page
    u64 theirs = 0, none = 0;
    if (a->object) {
        int err = a->object->page(a->object, (va - a->shows_at) >> PAGE_SHIFT, &theirs);
        if (err)
            return err;
    }
    u64 pa = a->shared ? theirs : private_page(a, va, theirs);
    if (!pa)
        return -ENOMEM;
    __atomic_store_n(&a->touched, true, __ATOMIC_RELAXED);
    if (__atomic_compare_exchange_n(pte, &none, pa | vm_page_flags(a), false, __ATOMIC_RELEASE,
                                    __ATOMIC_RELAXED))
        vm_count_page(mm);
    else
        page_unref(pa);
    return 0;
}

// Copy on write: if others share this page, the area gets a copy of its own. What the others see
// does not change.
static int break_cow(struct mm *mm, u64 *pte, u64 flags)
{
    u64 old = *pte & PTE_ADDR;
    u32 *refs = page_refs(old);
    if (!refs || __atomic_load_n(refs, __ATOMIC_ACQUIRE) > 1) {
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

static void lock_for(struct mm *mm, bool alone)
{
    if (alone)
        mutex_lock(&mm->lock);
    else
        mutex_lock_shared(&mm->lock);
}

static void unlock_for(struct mm *mm, bool alone)
{
    if (alone)
        mutex_unlock(&mm->lock);
    else
        mutex_unlock_shared(&mm->lock);
}

int vm_fault_in(struct mm *mm, u64 addr, bool write, bool fetch, bool force, bool copy)
{
    u64 va = addr & PAGE_MASK;
    struct vm_area *a = vm_find(mm, va);
    if (!a || a->start > va || mm->stripped)
        return -EFAULT;
    bool may_write = a->prot & PROT_WRITE;
    if (write && !may_write && a->shared)
        return -EACCES; // the tracer must not change what others see
    if (!force && ((write && !may_write) || (fetch && !(a->prot & PROT_EXEC)) || !a->prot))
        return -EACCES;
    u64 *pte = paging_walk(mm->root, va, &mm->nr_tables);
    if (!pte)
        return -ENOMEM;
    u64 old = __atomic_load_n(pte, __ATOMIC_ACQUIRE);
    bool to_copy = copy && write && (old & PTE_COW);
    if (!old || to_copy)
        __atomic_fetch_add(&mm->minor_faults, 1, __ATOMIC_RELAXED);
    if (!old)
        return bring_in(mm, a, va, pte);
    int err = to_copy ? break_cow(mm, pte, vm_page_flags(a)) : 0;
    if (!err)
        tlb_flush_page(va); // another thread was faster, or rights grew: our translation is old
    return err;
}

// A write fault on a page that is there most likely asks for a copy. A copy needs the lock alone.
int mm_fault(struct mm *mm, u64 addr, u32 error)
{
    bool write = error & PF_WRITE, copy = write && (error & PF_PRESENT);
    if (addr >= TASK_SIZE_MAX)
        return -EFAULT;
    lock_for(mm, copy);
    int err = vm_fault_in(mm, addr, write, error & PF_FETCH, false, copy);
    unlock_for(mm, copy);
    return err;
}

// The part of mm_access() in one page. It uses the direct map.
static int access_page(struct mm *mm, u64 addr, void *buf, size_t n, bool write, bool force)
{
    lock_for(mm, write);
    int err = vm_fault_in(mm, addr, write, false, force, write);
    if (!err) {
        u8 *page = phys_to_virt(*paging_walk(mm->root, addr, NULL) & PTE_ADDR);
        if (write)
            memcpy(page + (addr & ~PAGE_MASK), buf, n);
        else
            memcpy(buf, page + (addr & ~PAGE_MASK), n);
    }
    unlock_for(mm, write);
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
