// futex(2): WAIT and WAKE, with and without bit sets. A waiter links itself before it reads the word, and a waker
// looks at the list after it has changed it: so none is missed, though no lock is held while the word is read.
#include "kernel/proc/futex.h"

#include "arch/x86/platform.h"
#include "arch/x86/uaccess.h"
#include "kernel/mm/vm.h"
#include "kernel/proc/process.h"
#include "kernel/proc/syscalls.h"
#include "kernel/proc/timeout.h"

#define FUTEX_WAIT           0
#define FUTEX_WAKE           1
#define FUTEX_WAIT_BITSET    9
#define FUTEX_WAKE_BITSET    10
#define FUTEX_PRIVATE        128
#define FUTEX_CLOCK_REALTIME 256
#define FUTEX_ANY            0xffffffffu

#define BUCKET_BITS 6

// What names the word: (address space, address), or (object, offset) in shared memory.
struct futex_key {
    const void *space;
    u64 offset;
};

struct futex_waiter {
    struct list node;
    struct futex_key key;
    u32 bits;
    struct task *task;
    bool woken;
};

static struct bucket {
    struct spinlock lock; // guards the list and `woken`; taken like a wait queue's
    struct list waiters;
} buckets[1 << BUCKET_BITS];

void futex_init(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(buckets); i++) {
        spin_init(&buckets[i].lock, "futex", RANK_WAITQ);
        list_init(&buckets[i].waiters);
    }
}

static struct bucket *bucket_of(const struct futex_key *key)
{
    u64 h = ((u64)key->space ^ key->offset) * 0x9e3779b97f4a7c15ull;
    return &buckets[h >> (64 - BUCKET_BITS)];
}

static struct futex_key key_of(struct mm *mm, u64 addr)
{
    struct futex_key key = {mm, addr};
    struct vm_area *area;
    spin_lock(&mm->lock);
    list_for_each(area, &mm->areas,
                  node) if (area->object && addr >= area->start && addr < area->end) key =
        (struct futex_key){area->object, addr - area->object_at};
    spin_unlock(&mm->lock);
    return key;
}

static int wake(struct mm *mm, u64 addr, u32 n, u32 bits)
{
    struct futex_key key = key_of(mm, addr);
    struct bucket *b = bucket_of(&key);
    struct futex_waiter *w, *next;
    u32 woken = 0;
    u64 flags = spin_lock_irqsave(&b->lock);
    list_for_each_safe(w, next, &b->waiters, node)
    {
        if (woken == n)
            break;
        if (w->key.space != key.space || w->key.offset != key.offset || !(w->bits & bits))
            continue;
        list_del(&w->node);
        w->woken = true;
        sched_wake(w->task); // under the lock: the waiter's stack holds *w
        woken++;
    }
    spin_unlock_irqrestore(&b->lock, flags);
    return woken;
}

int futex_wake(struct mm *mm, u64 addr, u32 n)
{
    return wake(mm, addr, n, FUTEX_ANY);
}

static bool was_woken(struct bucket *b, struct futex_waiter *w)
{
    u64 flags = spin_lock_irqsave(&b->lock);
    bool woken = w->woken;
    spin_unlock_irqrestore(&b->lock, flags);
    return woken;
}

static s64 wait(u64 addr, u32 value, u64 until, u32 bits)
{
    struct task *t = current_task();
    struct futex_waiter w = {.key = key_of(t->mm, addr), .bits = bits, .task = t};
    struct bucket *b = bucket_of(&w.key);
    struct timeout to;
    u32 now;
    s64 err = 0;
    u64 flags = spin_lock_irqsave(&b->lock);
    list_add_tail(&w.node, &b->waiters);
    spin_unlock_irqrestore(&b->lock, flags);

    timeout_start(&to, until);
    if (get_user(now, addr))
        err = -EFAULT;
    else if (now != value)
        err = -EAGAIN;
    while (!err) {
        t->state = TASK_SLEEPING;
        if (was_woken(b, &w))
            break;
        if (to.expired)
            err = -ETIMEDOUT;
        else if (t->signal_pending)
            err = until == NEVER ? -ERESTARTSYS : -EINTR;
        else
            schedule();
    }
    t->state = TASK_RUNNABLE;
    timeout_stop(&to);
    flags = spin_lock_irqsave(&b->lock);
    if (w.woken)
        err = 0;
    else
        list_del(&w.node);
    spin_unlock_irqrestore(&b->lock, flags);
    return err;
}

s64 sys_futex(u64 addr, u32 op, u32 value, u64 utimeout, u64 addr2, u32 bits)
{
    (void)addr2;
    u32 command = op & ~(FUTEX_PRIVATE | FUTEX_CLOCK_REALTIME);
    bool bitset = command == FUTEX_WAIT_BITSET || command == FUTEX_WAKE_BITSET;
    struct timespec ts;
    u64 until = NEVER;
    if (!bitset)
        bits = FUTEX_ANY;
    if (addr % sizeof(u32) || !bits)
        return -EINVAL;
    switch (command) {
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
        return wake(current_task()->mm, addr, value, bits);
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
        if (utimeout) {
            if (get_user(ts, utimeout))
                return -EFAULT;
            if (!timespec_valid(&ts))
                return -EINVAL;
            until = timespec_ns(&ts);
            // WAIT's timeout is relative, WAIT_BITSET's absolute.
            if (!bitset)
                until = ns_add(clock_ns(), until);
            else if (op & FUTEX_CLOCK_REALTIME)
                until = realtime_to_ns(until);
        }
        return wait(addr, value, until, bits);
    default:
        return -ENOSYS;
    }
}
