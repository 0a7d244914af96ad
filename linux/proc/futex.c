// futex(2): WAIT, WAKE (with and without bit sets) and REQUEUE. A waiter links itself, then reads
// the word. The program that wakes changes the word, then calls the kernel, which looks at the
// list. So no wake-up is missed, although no lock is held while the word is read.
#include "linux/proc/futex.h"

#include "arch/x86/uaccess.h"
#include "linux/base/mutex.h"
#include "linux/mm/vm.h"
#include "linux/proc/signals.h"
#include "linux/proc/syscalls.h"
#include "linux/proc/timeout.h"

#include <linux/futex.h>

// What identifies the word: (address space, address), or in shared memory (object, offset).
struct futex_key {
    const void *space;
    u64 offset;
};

struct futex_waiter {
    struct tree_node node; // key: the word's number; in the low bits how many came before
    struct futex_key key;
    u32 bits;
    struct task *task;
    bool woken;
};

#define CAME_BITS  44 // bits of nr_came: a million waits in a second for 200 days
#define WAKE_BATCH 32 // waiters that are looked at in one go, with IRQs off

// Guards the tree, nr_came and `woken`.
static struct spinlock futex_lock = SPINLOCK("futex", RANK_FUTEX);
static struct tree waiters;
static u64 nr_came;

// Different words may have the same number, but hardly ever do.
static u64 number_of(const struct futex_key *key)
{
    u64 hash = ((u64)key->space ^ key->offset) * 0x9e3779b97f4a7c15ull;
    return hash >> CAME_BITS << CAME_BITS;
}

static void join(struct futex_waiter *w)
{
    tree_add(&waiters, &w->node, number_of(&w->key) + nr_came++);
}

// FUTEX_PRIVATE_FLAG promises that the word is not used by another address space.
// 0, -EINVAL (addr is not aligned), or -EFAULT. -EFAULT: addr does not belong to the program, or
// lies past the end of the file that is mapped there.
static int get_key(struct futex_key *key, struct mm *mm, u64 addr, bool private)
{
    *key = (struct futex_key){mm, addr};
    if (addr % sizeof(u32))
        return -EINVAL;
    if (!user_range_ok(addr, sizeof(u32)))
        return -EFAULT;
    if (private)
        return 0;
    mutex_lock_shared(&mm->lock);
    const struct vm_area *area = vm_find(mm, addr);
    int err = area && area->start <= addr && area->prot ? 0 : -EFAULT; // unreadable without rights
    if (!err && area->object && area->shared)
        *key = (struct futex_key){area->object, addr - area->shows_at};
    mutex_unlock_shared(&mm->lock);
    u32 now;
    if (!err && key->space != mm && get_user(now, addr))
        err = -EFAULT;
    return err;
}

static bool same_key(const struct futex_key *a, const struct futex_key *b)
{
    return a->space == b->space && a->offset == b->offset;
}

static struct futex_waiter *waiter_at(struct tree_node *n)
{
    return tree_entry(n, struct futex_waiter, node);
}

struct wake {
    struct futex_key key, to;
    u32 n, move; // wake n waiters, and let `move` more of them wait at `to`
    u32 bits, done;
    u64 at, end; // the next key to look at, and the end
};

// Looks at some of the waiters. True: there may be more. The lock is held.
static bool wake_batch(struct wake *k)
{
    struct futex_waiter *w = waiter_at(tree_from(&waiters, k->at)), *next;
    for (u32 i = 0; i < WAKE_BATCH; i++, w = next) {
        if (!w || w->node.key >= k->end || (k->done >= k->n && k->done - k->n >= k->move))
            return false;
        next = waiter_at(tree_next(&w->node));
        k->at = w->node.key + 1;
        if (!same_key(&w->key, &k->key) || !(w->bits & k->bits))
            continue;
        if (k->done++ < k->n) {
            tree_del(&waiters, &w->node);
            __atomic_store_n(&w->woken, true, __ATOMIC_RELEASE);
            sched_wake(w->task); // under the lock, because *w is on the waiter's stack
        } else if (!same_key(&k->key, &k->to)) {
            w->key = k->to;
            tree_del(&waiters, &w->node);
            join(w);
        }
    }
    return true;
}

// Returns how many waiters it woke or moved. It leaves waiters alone that come while it is at work.
static int wake(struct wake k)
{
    u64 number = number_of(&k.key);
    bool more = true;
    for (k.at = number; more;) {
        u64 flags = spin_lock_irqsave(&futex_lock);
        if (k.at == number)
            k.end = number + nr_came;
        more = wake_batch(&k);
        spin_unlock_irqrestore(&futex_lock, flags);
    }
    return k.done;
}

int futex_wake(struct mm *mm, u64 addr, u32 n)
{
    struct futex_key key;
    int err = get_key(&key, mm, addr, false);
    return err ? err : wake((struct wake){.key = key, .n = n, .bits = FUTEX_BITSET_MATCH_ANY});
}

// Wakes all waiters. Between the read of the word and the write to it another thread may begin to
// wait.
static void owner_died(u64 addr)
{
    u32 word;
    if (addr % sizeof(word) || get_user(word, addr) ||
        (word & FUTEX_TID_MASK) != current_task()->tid)
        return;
    word = (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
    if (!put_user(word, addr))
        futex_wake(current_task()->mm, addr, UINT32_MAX);
}

void futex_owner_dies(u64 head)
{
    struct {
        u64 first;
        s64 offset;  // from an entry of the list to its word
        u64 pending; // the mutex that is being taken or given up; it may be in the list
    } list;
    if (!head || get_user(list, head))
        return;
    u64 entry = list.first, next;
    // With a limit, because a program may have made the list a ring.
    for (int i = 0; entry != head && i < ROBUST_LIST_LIMIT; i++, entry = next) {
        bool last = get_user(next, entry & ~1ull); // bit 0 marks priority inheritance
        if (entry != list.pending)
            owner_died((entry & ~1ull) + list.offset);
        if (last)
            break;
    }
    if (list.pending)
        owner_died((list.pending & ~1ull) + list.offset);
}

static s64 wait(struct futex_key key, u64 addr, u32 value, u64 until, u32 bits)
{
    struct task *t = current_task();
    struct futex_waiter w = {.key = key, .bits = bits, .task = t};
    struct timeout to;
    u32 now;
    s64 err = 0;
    u64 flags = spin_lock_irqsave(&futex_lock);
    join(&w);
    spin_unlock_irqrestore(&futex_lock, flags);

    timeout_start(&to, until);
    if (get_user(now, addr))
        err = -EFAULT;
    else if (now != value)
        err = -EAGAIN;
    while (!err) {
        // The state is set before `woken` is read. So a waker that sets `woken` later finds it.
        __atomic_store_n(&t->state, TASK_SLEEPING, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&w.woken, __ATOMIC_ACQUIRE))
            break;
        if (to.expired)
            err = -ETIMEDOUT;
        else if (sched_interrupted())
            err = -ERESTARTSYS;
        else
            schedule();
    }
    t->state = TASK_RUNNABLE;
    timeout_stop(&to);
    flags = spin_lock_irqsave(&futex_lock);
    if (w.woken)
        err = 0;
    else
        tree_del(&waiters, &w.node);
    spin_unlock_irqrestore(&futex_lock, flags);
    return err;
}

// r->arg: the address, the value, the bits, and whether the word is private.
static s64 wait_until(const struct restart *r)
{
    struct futex_key key;
    s64 err = get_key(&key, current_task()->mm, r->arg[0], r->arg[3]);
    if (!err)
        err = wait(key, r->arg[0], r->arg[1], r->until, r->arg[2]);
    return err == -ERESTARTSYS && r->until != NEVER ? restart_later(r) : err;
}

// The timeout of WAIT is relative. The timeout of WAIT_BITSET is absolute (futex(2)).
static int get_end(u64 *until, u64 utimeout, bool relative, bool real)
{
    if (relative || !utimeout)
        return get_deadline(until, utimeout);
    int err = get_timespec(until, utimeout);
    if (real)
        *until = realtime_to_ns(*until);
    return err;
}

static s64 requeue(u64 addr, bool private, s32 n, s32 move, u64 addr2, const u32 *wanted)
{
    struct mm *mm = current_task()->mm;
    struct futex_key key, to;
    u32 now;
    if (n < 0 || move < 0)
        return -EINVAL;
    int err = get_key(&key, mm, addr, private);
    if (!err)
        err = get_key(&to, mm, addr2, private);
    if (!err && wanted && get_user(now, addr))
        err = -EFAULT;
    if (!err && wanted && now != *wanted)
        err = -EAGAIN;
    if (err)
        return err;
    return wake(
        (struct wake){.key = key, .to = to, .n = n, .move = move, .bits = FUTEX_BITSET_MATCH_ANY});
}

s64 sys_futex(u64 addr, u32 op, u32 value, u64 utimeout, u64 addr2, u32 last)
{
    struct futex_key key;
    bool private = op & FUTEX_PRIVATE_FLAG, real = op & FUTEX_CLOCK_REALTIME;
    u32 command = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
    bool bitset = command == FUTEX_WAIT_BITSET || command == FUTEX_WAKE_BITSET;
    u32 bits = bitset ? last : FUTEX_BITSET_MATCH_ANY;
    u64 until = NEVER;
    int err;
    if (real && command != FUTEX_WAIT_BITSET)
        return -ENOSYS;
    if (!bits)
        return -EINVAL;
    switch (command) {
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
        err = get_key(&key, current_task()->mm, addr, private);
        return err ? err : wake((struct wake){.key = key, .n = value, .bits = bits});
    case FUTEX_REQUEUE: // the argument `timeout` is the number of waiters to move
        return requeue(addr, private, value, utimeout, addr2, NULL);
    case FUTEX_CMP_REQUEUE:
        return requeue(addr, private, value, utimeout, addr2, &last);
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
        err = get_end(&until, utimeout, !bitset, real);
        if (err)
            return err;
        return wait_until(&(struct restart){wait_until, until, {addr, value, bits, private}});
    default:
        return -ENOSYS;
    }
}
