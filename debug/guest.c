// Guests behind /dev/guest.
#include "arch/x86/uaccess.h"
#include "debug/guest.h"
#include "kernel/base/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "linux/fs/vfs.h"

#define MEMORY_ORDER 4
#define GUEST_RDEV   (10 << 8 | 200) // major 10: Linux's number for miscellaneous devices

_Static_assert(PAGE_SIZE << MEMORY_ORDER == SVM_GUEST_MEMORY, "the memory is one block of pages");
_Static_assert(GUEST_RUN == (2u << 30 | sizeof(struct guest_state) << 16 | 'G' << 8 | 1),
               "as _IOR");

struct guest {
    struct svm_guest svm;
    u8 *memory;
    bool running; // atomic: the task that sets it may run the guest
    bool dead;    // of the task that runs the guest
};

static ssize_t guest_read(struct file *f, u64 ubuf, size_t n, u64 *pos)
{
    struct guest *g = f->private;
    return read_buffer(ubuf, n, pos, g->memory, SVM_GUEST_MEMORY);
}

static ssize_t guest_write(struct file *f, u64 ubuf, size_t n, u64 *pos)
{
    struct guest *g = f->private;
    if (*pos >= SVM_GUEST_MEMORY)
        return n ? -ENOSPC : 0;
    n = MIN(n, SVM_GUEST_MEMORY - *pos);
    if (copy_from_user(g->memory + *pos, ubuf, n))
        return -EFAULT;
    *pos += n;
    return n;
}

// 0 after VMMCALL, -EIO, or -ERESTARTSYS.
static int run(struct guest *g)
{
    while (!g->dead) {
        if (sched_interrupted())
            return -ERESTARTSYS;
        enum svm_stop stop = svm_guest_run(&g->svm);
        if (stop == SVM_CALL)
            return 0;
        g->dead = stop == SVM_DIED;
    }
    return -EIO;
}

static s64 guest_ioctl(struct file *f, u32 cmd, u64 arg)
{
    struct guest *g = f->private;
    struct guest_state state;
    if (cmd != GUEST_RUN)
        return -ENOTTY;
    if (__atomic_exchange_n(&g->running, true, __ATOMIC_ACQUIRE))
        return -EBUSY;
    int result = run(g);
    svm_guest_state(&g->svm, &state.cpu);
    state.entries = g->svm.entries;
    state.interrupts = g->svm.interrupts;
    state.owns_dr = g->svm.owns_dr;
    __atomic_store_n(&g->running, false, __ATOMIC_RELEASE);
    if (result != -ERESTARTSYS && put_user(state, arg))
        return -EFAULT;
    return result;
}

static int guest_open(struct file *f)
{
    if (!svm_available())
        return -ENODEV;
    struct guest *g = kalloc(sizeof(*g));
    if (!g)
        return -ENOMEM;
    g->memory = pages_alloc(MEMORY_ORDER);
    if (!g->memory)
        goto free_guest;
    memset(g->memory, 0, SVM_GUEST_MEMORY);
    if (svm_guest_init(&g->svm, virt_to_phys(g->memory)))
        goto free_memory;
    f->private = g;
    f->weight = sizeof(*g) + SVM_GUEST_MEMORY;
    return 0;

free_memory:
    pages_free(g->memory, MEMORY_ORDER);
free_guest:
    kfree(g);
    return -ENOMEM;
}

static void guest_release(struct file *f)
{
    struct guest *g = f->private;
    if (!g)
        return; // the guest could not be opened
    svm_guest_release(&g->svm);
    pages_free(g->memory, MEMORY_ORDER);
    kfree(g);
}

static const struct file_ops guest_ops = {
    .seek = SEEKS_NODE_SIZE,
    .open = guest_open,
    .read = guest_read,
    .write = guest_write,
    .ioctl = guest_ioctl,
    .release = guest_release,
};

void guest_init(void)
{
    svm_init();
    struct node *dev = node_child(fs_root, "dev", strlen("dev"));
    struct node *n = node_add(dev, "guest", S_IFCHR | 0666, &guest_ops);
    n->arg = GUEST_RDEV;
    n->size = SVM_GUEST_MEMORY;
}
