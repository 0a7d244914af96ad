// A mutex that several tasks share.
#include "arch/x86/platform.h"
#include "linux/base/mutex.h"
#include "test/kernel/ktest.h"

#define TASKS 6 // the first four share

static struct mutex mutex;
static volatile bool stop;
static u64 rounds;

// Several tasks can share the mutex, but not while a task has it alone. A task that wants it alone
// gets it, although other tasks share it without a gap.
static u64 pair[2];
static u32 sharing, torn, alone_done;

static void sharer(void *)
{
    while (!stop) {
        mutex_lock_shared(&mutex);
        __atomic_add_fetch(&sharing, 1, __ATOMIC_SEQ_CST);
        u64 first = pair[0];
        schedule();
        if (first != pair[1])
            __atomic_fetch_add(&torn, 1, __ATOMIC_RELAXED);
        __atomic_fetch_sub(&sharing, 1, __ATOMIC_SEQ_CST);
        mutex_unlock_shared(&mutex);
    }
}

static void loner(void *)
{
    for (u64 i = 0; i < rounds; i++) {
        mutex_lock(&mutex);
        torn += __atomic_load_n(&sharing, __ATOMIC_SEQ_CST);
        pair[0]++;
        schedule();
        pair[1]++;
        mutex_unlock(&mutex);
    }
    if (__atomic_add_fetch(&alone_done, 1, __ATOMIC_SEQ_CST) == 2)
        stop = true;
}

static void sharer_or_loner(void *arg)
{
    if ((u64)arg < 4)
        sharer(arg);
    else
        loner(arg);
}

KTEST(mutex_shared, "sched.mutex-shared", NULL)
{
    mutex_init(&mutex, "test", RANK_SLOTS);
    pair[0] = pair[1] = sharing = torn = alone_done = 0;
    rounds = ktest_scale(300);
    stop = false;
    struct task *tasks[TASKS];
    for (u64 i = 0; i < TASKS; i++)
        tasks[i] = kthread_create("test", sharer_or_loner, (void *)i, CPUMASK_ALL);
    for (u32 i = 0; i < TASKS; i++) {
        task_join(tasks[i]);
        task_put(tasks[i]);
    }
    EXPECT_EQ(torn, 0);
    EXPECT_EQ(pair[0], 2 * rounds);
    EXPECT(!mutex.holder);
}

// Holds the lock until the other task has it, too.
static void meet(void *)
{
    u64 until = clock_ns() + 10000000000ull;
    mutex_lock_shared(&mutex);
    __atomic_add_fetch(&sharing, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&sharing, __ATOMIC_SEQ_CST) < 2 && clock_ns() < until)
        schedule();
    EXPECT_EQ(sharing, 2);
    mutex_unlock_shared(&mutex);
}

KTEST(mutex_two, "sched.mutex-two", NULL)
{
    mutex_init(&mutex, "test", RANK_SLOTS);
    sharing = 0;
    struct task *other = kthread_create("test", meet, NULL, CPUMASK_ALL);
    meet(NULL);
    task_join(other);
    task_put(other);
}
