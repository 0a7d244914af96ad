// The rules of kernel/base/spinlock.h, looked at whenever a lock is taken or released.
#include "sched/wait.h"

// What each CPU holds, in the order taken. Written by that CPU only.
#define MAX_HELD 16

static struct {
    const struct spinlock *lock[MAX_HELD];
    u32 n;
} held[MAX_CPUS];

static bool paused;

static bool checked(void)
{
    return !__atomic_load_n(&paused, __ATOMIC_RELAXED);
}

void spin_pause_checks(bool pause)
{
    __atomic_store_n(&paused, pause, __ATOMIC_RELAXED);
}

// Locks marked "irq" in enum lock_rank.
static const u32 irq_ranks = BIT(RANK_SIGNAL) | BIT(RANK_TTY) | BIT(RANK_PERF_CTX) |
                             BIT(RANK_TASKS) | BIT(RANK_FUTEX) | BIT(RANK_WAITQ) |
                             BIT(RANK_TIMERS) | BIT(RANK_RUNQUEUE) | BIT(RANK_STACKS) |
                             BIT(RANK_HEAP) | BIT(RANK_PAGES);

// Checks L2 for a lock that is to be taken while `top` is held. Run queues are elements of one
// array, indexed by CPU, and so are lists of timers.
static bool order_ok(const struct spinlock *top, const struct spinlock *l)
{
    if (l->rank == top->rank && (l->rank == RANK_RUNQUEUE || l->rank == RANK_TIMERS))
        return l > top;
    return l->rank > top->rank;
}

void spin_check_take(const struct spinlock *l)
{
    if (!checked())
        return;
    const struct spinlock *top = NULL;
    u32 n = held[cpu_id()].n;
    for (u32 i = 0; i < n; i++) {
        if (held[cpu_id()].lock[i] == l)
            panic("spinlock: %s taken twice on one CPU", l->name);
        if (!top || !order_ok(held[cpu_id()].lock[i], top))
            top = held[cpu_id()].lock[i];
    }
    if (l->rank < FIRST_SPIN_RANK || l->rank >= NR_RANKS)
        panic("spinlock: %s has no rank", l->name ? l->name : "a lock without a name");
    if ((irq_ranks & BIT(l->rank)) && irqs_enabled())
        panic("spinlock: %s taken with IRQs on", l->name);
    if (top && !order_ok(top, l))
        panic("spinlock: %s taken while %s is held", l->name, top->name);
}

// An interrupt reads the list, too, so no step may leave it half changed.
void spin_note_taken(struct spinlock *l)
{
    if (!checked())
        return;
    u64 flags = irq_save();
    u32 cpu = cpu_id();
    if (held[cpu].n == MAX_HELD)
        panic("spinlock: %s is one lock too many on one CPU", l->name);
    held[cpu].lock[held[cpu].n++] = l;
    l->holder = cpu + 1;
    irq_restore(flags);
}

void spin_note_released(struct spinlock *l)
{
    if (!checked())
        return;
    u64 flags = irq_save();
    u32 cpu = cpu_id(), i = 0;
    if (l->holder != cpu + 1)
        panic("spinlock: %s unlocked by another than its holder", l->name);
    l->holder = 0;
    while (held[cpu].lock[i] != l)
        i++;
    for (held[cpu].n--; i < held[cpu].n; i++)
        held[cpu].lock[i] = held[cpu].lock[i + 1];
    irq_restore(flags);
}

void spin_check_none_held(const char *what)
{
    if (!checked())
        return;
    preempt_disable(); // or the task might look at two CPUs
    u32 n = held[cpu_id()].n;
    if (n)
        panic("%s while %s is held", what, held[cpu_id()].lock[n - 1]->name);
    preempt_count_dec();
}

// ---- mutexes ----

void mutex_check_take(const struct mutex *m)
{
    u32 held = current_task()->mutexes;
    spin_check_none_held(m->name);
    if (preempt_count())
        panic("mutex: %s taken with preemption off", m->name);
    if (!m->rank || m->rank >= FIRST_SPIN_RANK)
        panic("mutex: %s has no rank", m->name ? m->name : "one without a name");
    if (held >> m->rank)
        panic("mutex: %s (rank %u) taken by a task that holds ranks %x", m->name, m->rank, held);
}

void mutex_note(const struct mutex *m, bool taken)
{
    struct task *self = current_task();
    ASSERT(!(self->mutexes & BIT(m->rank)) == taken);
    self->mutexes ^= BIT(m->rank);
}
