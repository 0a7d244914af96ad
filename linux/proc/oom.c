// Chooses the process that ends when memory is out: see oom.h.
#include "linux/proc/oom.h"

#include "kernel/mm/page.h"
#include "linux/fs/file.h"
#include "linux/mm/vm.h"
#include "linux/perf/perf.h"
#include "linux/task/process.h"

#define ROOM_PAGES 16          // a fault needs a page, and tables for it
#define WAIT_NS    5000000ul   // one wait for a process that is ending
#define SOON_NS    100000000ul // memory comes back in this time, or not at all
#define MAX_TRIES  200         // while a process is ending

static struct mutex oom_lock;
static u64 nr_ended; // changed under oom_lock
static u64 ended_at; // clock_ns() of the last time; atomic

void oom_init(void)
{
    mutex_init(&oom_lock, "out of memory", RANK_OOM);
}

u64 oom_count(void)
{
    return __atomic_load_n(&nr_ended, __ATOMIC_ACQUIRE);
}

// Pages that come back when p ends: its memory, and what the kernel keeps for it. proc_lock held.
static u64 weight(struct process *p)
{
    u64 pages = p->nr_threads * (KSTACK_SIZE / PAGE_SIZE);
    u64 bytes = p->fds ? fds_weight(p->fds) : 0;
    const struct thread *th;
    list_for_each (th, &p->threads, node)
        bytes += perf_task_weight(th->task);
    if (p->mm) {
        pages += p->mm->nr_pages + p->mm->nr_tables;
        bytes += p->mm->nr_areas * sizeof(struct vm_area);
    }
    return pages + bytes / PAGE_SIZE;
}

// The process that has the most memory. NULL: there is none. proc_lock held.
static struct process *largest(const struct mm *spared, u64 *pages)
{
    struct process *found = NULL;
    *pages = 0;
    for (struct process *p = process_next(NULL); p; p = process_next(p)) {
        u64 has = weight(p);
        if (p->exiting || !p->mm || p->mm == spared || has < *pages)
            continue;
        found = p;
        *pages = has;
    }
    return found;
}

// The first program's memory. A vfork's child may share it. proc_lock held.
static const struct mm *spared_memory(void)
{
    for (struct process *p = process_next(NULL); p; p = process_next(p))
        if (p->keep_zombie)
            return p->mm;
    return NULL;
}

// True if a process that was ended has not given everything back yet. proc_lock held.
static bool one_is_ending(void)
{
    for (struct process *p = process_next(NULL); p; p = process_next(p))
        if (p->makes_room && !p->zombie)
            return true;
    return false;
}

// Finds the process that has the most memory. Ends all processes that use this memory. Returns the
// memory, with a reference.
static struct mm *end_largest(void)
{
    u64 pages;
    struct process *p = largest(spared_memory(), &pages);
    if (!p)
        p = largest(NULL, &pages);
    if (!p)
        return NULL;
    printk("out of memory: %s[%u] is ended, it had %lu kB\n", p->comm, p->pid,
           pages * (unsigned long)PAGE_SIZE / 1024);
    struct mm *mm = p->mm;
    mm_get(mm);
    for (p = process_next(NULL); p; p = process_next(p)) {
        if (p->mm != mm)
            continue;
        p->makes_room = true;
        signal_kill_process(p, WAIT_SIGNALED(SIGKILL));
    }
    return mm;
}

// True: other processes are still ending, and the caller can only wait for them.
static bool make_room(void)
{
    mutex_lock(&proc_lock);
    bool others = one_is_ending();
    struct mm *mm = others ? NULL : end_largest();
    mutex_unlock(&proc_lock);
    if (mm) { // it comes back now, not only when its threads end
        mm_strip(mm);
        mm_put(mm);
        __atomic_store_n(&ended_at, clock_ns(), __ATOMIC_RELAXED);
        __atomic_store_n(&nr_ended, nr_ended + 1, __ATOMIC_RELEASE);
    }
    return others;
}

bool oom_make_room(u64 before, bool from_user)
{
    bool others = true, again = false;
    for (u32 tries = 0; others && tries < MAX_TRIES && !sched_killed(); tries++) {
        mutex_lock(&oom_lock);
        bool is_out = nr_ended == before && pages_free_count() < ROOM_PAGES;
        others = is_out && make_room();
        again = from_user || !is_out || nr_ended != before;
        mutex_unlock(&oom_lock);
        if (others)
            sched_sleep_until(clock_ns() + WAIT_NS, false);
    }
    return again && !sched_killed();
}

bool oom_try_again(u32 tries)
{
    mutex_lock(&proc_lock);
    bool ending = one_is_ending();
    mutex_unlock(&proc_lock);
    u64 ended = __atomic_load_n(&ended_at, __ATOMIC_RELAXED);
    bool soon = pages_free_count() < ROOM_PAGES || (ended && clock_ns() - ended < SOON_NS);
    if (tries >= (ending ? MAX_TRIES : soon ? SOON_NS / WAIT_NS : 0))
        return false;
    sched_sleep_until(clock_ns() + WAIT_NS, false);
    return !sched_killed();
}
