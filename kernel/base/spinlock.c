// Spinlocks: what is not inline. Debug builds check their rules in kernel/checks/locks.c.
//
// A free lock goes to the CPU that asks first, not to the one that has waited longest. A queue
// would be fairer. But an emulator may have fewer host CPUs than it emulates. Then the next CPU of
// the queue may not be running on the host: with 4 CPUs on 2 a hand-over sometimes took 3 ms. All
// critical sections are short, so fairness is not needed.
#include "kernel/base/spinlock.h"
#include "kernel/base/panic.h"

#define SPIN_LIMIT (1u << 27) // rounds of waiting; far beyond any critical section

void spin_init(struct spinlock *l, const char *name, enum lock_rank rank)
{
    *l = (struct spinlock)SPINLOCK(name, rank);
}

// Looks before it writes: waiters share the cache line until the lock is free.
static bool try_take(struct spinlock *l)
{
    return !__atomic_load_n(&l->locked, __ATOMIC_RELAXED) &&
           !__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE);
}

void spin_wait(struct spinlock *l)
{
    u32 rounds = 0;
    for (; !try_take(l); rounds++) {
        if (DEBUG_BUILD && rounds == SPIN_LIMIT)
            panic("spinlock: no end of waiting for %s, held by CPU %d", l->name,
                  (int)l->holder - 1);
        cpu_pause();
    }
    holdup_count(HOLDUP_SPIN, rounds + 1);
}
