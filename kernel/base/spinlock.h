// Spinlocks, and the one place that says which lock guards what and in which order they nest: all
// spinlocks, and all mutexes.
//
// Rules:
//   L1  Holding a spinlock disables preemption; nothing may sleep under it, so no mutex is taken.
//   L2  Locks are taken in rising order of rank, at most one of each rank (except where a rank's
//       line says otherwise).
//   L3  Who holds a lock marked "irq" never waits for another CPU's answer to an IPI: that CPU may
//       be spinning for the lock with IRQs off.
//   L4  A lock marked "irq" is taken in interrupt context too: always with IRQs off.
//   L5  The #DB path takes no lock at all: it may have interrupted the holder of any of them. A
//       debug build (DEBUG=1) checks L1, L2, L4 and that only the holder unlocks, and panics with
//       both names.
#pragma once

#include "arch/x86/cpu.h"
#include "kernel/base/panic.h"
#include "kernel/base/upcalls.h"

enum lock_rank {
    // rank             guards
    // mutexes (sched/wait.h): waiters sleep
    RANK_POSITION = 1, // linux/fs: one open file's position, while it is read or written
    RANK_FILTERS,      // debug/ksym: the traced variables
    RANK_TREE,         // linux/fs: names and nodes
    RANK_FILE_DATA,    // linux/fs: sizes in the file system in memory
    RANK_PIPE,         // linux/fs: one pipe
    RANK_HOST,         // linux/fs: the line to the host; a write goes in one piece
    RANK_TRACE,        // linux/fs: the kernel's trace: its size, and one reader at a time
    RANK_HOTPLUG,      // linux/sched: which CPU comes or goes; one at a time
    RANK_PERF,         // perf: which events contexts hold, inheritance
    RANK_SLOTS,        // hwbp: the slot table, the list of claims, each task's tally
    RANK_OOM,          // linux/proc: who ends when memory is out; one at a time
    RANK_MM,           // linux/mm: areas and page tables of one address space
    RANK_PROC,         // linux/proc: the process tree, exit states
    // spinlocks; "irq": marked so in L3, L4
    RANK_FILES,    // linux/fs: one descriptor table
    RANK_SIGNAL,   // linux/proc: pending signals and actions of one process          irq
    RANK_TTY,      // linux/fs: the console's line buffer                             irq
    RANK_RETARGET, // debug: wide breakpoints that can move                          irq
    RANK_PERF_CTX, // perf: lists and states of one context                           irq
    RANK_TASKS,    // sched: all tasks by their tids                                 irq
    RANK_FUTEX,    // linux/proc: who waits for which word                            irq
    RANK_WAITQ,    // sched: one wait queue, a mutex's too                            irq
    RANK_TIMERS,   // linux/sched: one CPU's timers; two in ascending order of CPU    irq
    RANK_RUNQUEUE, // sched: one run queue; two only in ascending order of CPU        irq
    RANK_STACKS,   // kernel/mm: free kernel stacks                                   irq
    RANK_HEAP,     // kernel/mm: size-class free lists                                irq
    RANK_PAGES,    // kernel/mm: free pages and their counts                          irq
    NR_RANKS,
    // The log comes last. It has a lock of its own kind, which a panic can ignore (printk.c).
};
#define FIRST_SPIN_RANK RANK_FILES

struct spinlock {
    u32 locked;
    u8 rank;
    u32 holder; // CPU + 1, 0 when free (debug builds)
    const char *name;
};

#define SPINLOCK(lockname, lockrank)                                                               \
    {                                                                                              \
        .rank = (lockrank), .name = (lockname)                                                     \
    }

// Preemption. enable() does at once what became due meanwhile: reschedule interrupts to other CPUs,
// and a switch if IRQs are on.
static inline void preempt_disable(void)
{
    preempt_count_inc();
    barrier();
}

static inline void preempt_enable(void)
{
    ASSERT(!DEBUG_BUILD || preempt_count() > 0);
    barrier();
    preempt_count_dec();
    if (unlikely(THIS_CPU->due & (DUE_SWITCH | DUE_KICKS)))
        preempt_due();
}

void spin_init(struct spinlock *l, const char *name, enum lock_rank rank);

#if __STDC_HOSTED__ // tests on the host bring locks of their own
void spin_lock(struct spinlock *l);
void spin_unlock(struct spinlock *l);
void spin_release(struct spinlock *l);
#else
// The slow part (spinlock.c): waiting for who has the lock.
void spin_wait(struct spinlock *l);
// What debug builds check and note (kernel/checks/locks.c).
void spin_check_take(const struct spinlock *l);
void spin_note_taken(struct spinlock *l);
void spin_note_released(struct spinlock *l);

// Of a lock that nobody has, only a few instructions are left in its user.
static inline void spin_lock(struct spinlock *l)
{
    preempt_disable();
    CHECKED(spin_check_take(l));
    if (unlikely(__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE)))
        spin_wait(l);
    CHECKED(spin_note_taken(l));
}

// Preemption stays off.
static inline void spin_release(struct spinlock *l)
{
    CHECKED(spin_note_released(l));
    __atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
}

static inline void spin_unlock(struct spinlock *l)
{
    spin_release(l);
    preempt_enable();
}
#endif

static inline u64 spin_lock_irqsave(struct spinlock *l)
{
    u64 flags = irq_save();
    spin_lock(l);
    return flags;
}

static inline void spin_unlock_irqrestore(struct spinlock *l, u64 flags)
{
    spin_release(l);
    irq_restore(flags); // before preempt_enable(), which switches only with IRQs on
    preempt_enable();
}

// ---- in debug builds only (kernel/checks/locks.c) ----

// While a debugger has stopped the machine it takes locks that nobody holds, wherever it has
// interrupted this CPU: those are not checked.
void spin_pause_checks(bool pause);

// Panics when a sleep or a switch would happen under a spinlock. `what` names the caller.
void spin_check_none_held(const char *what);
