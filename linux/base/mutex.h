// More ways to take a mutex (sched/wait.h). A task can be ended while it waits, and several tasks
// can share the mutex.
#pragma once

#include "sched/wait.h"

// For a lock that may be held for long. 0, or -EINTR: the running task is to end, and has no lock.
static inline int mutex_lock_killable(struct mutex *m)
{
    u64 self = (u64)current_task();
    CHECKED(mutex_check_take(m));
    if (unlikely(!mutex_add(m, 0, self)) && mutex_wait(m, self, TASK_KILLABLE))
        return -EINTR;
    CHECKED(mutex_note(m, true));
    return 0;
}

// Several tasks can have it at once in this way. No task has it alone meanwhile.
static inline void mutex_lock_shared(struct mutex *m)
{
    CHECKED(mutex_check_take(m));
    u64 seen = __atomic_load_n(&m->holder, __ATOMIC_RELAXED);
    if (unlikely((s64)seen < 0 || (seen & MUTEX_WAITED) || !mutex_add(m, seen, MUTEX_SHARE)))
        mutex_wait(m, MUTEX_SHARE, TASK_WAITING);
    CHECKED(mutex_note(m, true));
}

static inline void mutex_unlock_shared(struct mutex *m)
{
    CHECKED(mutex_note(m, false));
    if (unlikely(__atomic_sub_fetch(&m->holder, MUTEX_SHARE, __ATOMIC_SEQ_CST) == MUTEX_WAITED))
        mutex_wake(m);
}
