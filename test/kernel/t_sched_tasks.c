// Numbers of tasks, what a new task begins with, and what waiters of a mutex and of a queue get in
// which order.
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "kernel/checks/failure.h"
#include "kernel/mm/heap.h"
#include "linux/base/mutex.h"
#include "sched/runqueue.h"
#include "sched/wait.h"
#include "test/kernel/ktest.h"

static void nothing(void *)
{
}

static void end(struct task *t)
{
    task_join(t);
    task_put(t);
}

// ---- numbers ----

static u32 tid_of_next(void)
{
    struct task *t = task_new("new", nothing, NULL, CPUMASK_ALL);
    u32 tid = t->tid;
    task_put(t); // it never starts
    return tid;
}

static u32 first_free(u32 tid)
{
    for (struct task *t; (t = task_find(tid)); tid++)
        task_put(t);
    return tid;
}

// One after the other, past those in use; after the greatest come the small ones again.
KTEST(sched_tids, "sched.tids", NULL)
{
    u32 before = next_tid, free = first_free(2);
    EXPECT(free > 2); // the reaper has the first one
    EXPECT_EQ(tid_of_next(), before);
    EXPECT_EQ(tid_of_next(), before + 1);
    next_tid = MAX_TID - 1;
    EXPECT_EQ(tid_of_next(), MAX_TID - 1);
    EXPECT_EQ(tid_of_next(), MAX_TID);
    EXPECT_EQ(tid_of_next(), free);
    next_tid = before;
    EXPECT(!task_find(current_task()->tid + TASK_LISTS)); // its list is the same
}

static void notes_task(struct task *t, void *arg)
{
    if (t == *(struct task **)arg)
        *(struct task **)arg = NULL;
}

// All tasks are visited: that of the first list, and that of the last one.
KTEST(sched_each, "sched.for-each", NULL)
{
    static const u32 tids[] = {TASK_LISTS, 2 * TASK_LISTS - 1};
    u32 before = next_tid;
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(0)), 0);
    for (u32 i = 0; i < ARRAY_SIZE(tids); i++) {
        next_tid = tids[i];
        struct task *t = task_new("listed", nothing, NULL, BIT(0)), *wanted = t;
        EXPECT_EQ(t->tid, tids[i]);
        preempt_disable(); // it does not end before
        task_start(t);
        task_for_each(notes_task, &wanted);
        preempt_enable();
        EXPECT(!wanted);
        end(t);
    }
    next_tid = before;
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}

// ---- a new task ----

KTEST(sched_new, "sched.new", NULL)
{
    u32 cpu = nr_cpus - 1;
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(cpu)), 0);
    struct task *t = task_new("new", nothing, NULL, BIT(0));
    EXPECT_EQ(t->state, TASK_NEW);
    EXPECT_EQ(t->cpu, cpu); // its first place is chosen from here
    EXPECT_EQ(t->last_cpu, cpu);
    EXPECT_EQ(t->affinity, BIT(0));
    EXPECT(!task_find(t->tid));
    task_put(t);
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}

// The maker of a task frees dead ones first, if the reaper has not run yet. Both are on this CPU.
KTEST(sched_frees_first, "sched.frees-first", NULL)
{
    struct task *reaper = ktest_task("reaper");
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(0)), 0);
    EXPECT_EQ(sched_set_affinity(reaper, BIT(0)), 0);
    for (u32 i = 0; i < 10; i++) {
        struct task *t = kthread_create("dead", nothing, NULL, BIT(0));
        task_join(t);
        while (t->state != TASK_DEAD || t->on_cpu || t->queued)
            schedule();
        task_put(task_new("new", nothing, NULL, BIT(0)));
        EXPECT(list_empty(&t->run_node));
        task_put(t);
    }
    EXPECT_EQ(sched_set_affinity(reaper, CPUMASK_ALL), 0);
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}

// Each allocation fails once. Nothing is left behind, and the next try succeeds.
KTEST(sched_new_fails, "sched.new-fails", NULL)
{
    static struct task *others[40]; // more than there are stacks kept for new tasks
    if (!DEBUG_BUILD)
        return ktest_skip("needs a debug build");
    for (u32 i = 0; i < ARRAY_SIZE(others); i++)
        others[i] = task_new("new", nothing, NULL, CPUMASK_ALL);
    struct task *t = NULL;
    u64 heap = heap_bytes, nth = 0;
    while (!t && nth < 20) {
        mm_inject_failure(++nth);
        t = kthread_create("new", nothing, NULL, CPUMASK_ALL);
        u64 left = mm_inject_failure(0);
        EXPECT_EQ(!t, left == 0);
        EXPECT(t || heap_bytes <= heap);
    }
    EXPECT(nth > 2); // the task and its stack
    for (u32 i = 0; i < ARRAY_SIZE(others); i++)
        task_put(others[i]);
    end(t);
}

// ---- a wait queue's batches ----

// Entries without a task are looked at, too.
KTEST(sched_batch, "sched.wake-batch", NULL)
{
    static struct waiter w[70];
    struct wait_queue q;
    wait_init(&q);
    for (u32 i = 0; i < ARRAY_SIZE(w); i++)
        list_add_tail(&w[i].node, &q.waiters);
    EXPECT(wake_part(&q.waiters, &q.waiters) == &w[31].node);
    EXPECT(wake_part(&w[31].node, &q.waiters) == &w[63].node);
    EXPECT(!wake_part(&w[63].node, &q.waiters));
    EXPECT(!wake_part(&w[31].node, &w[64].node)); // 32 are one batch
}

// ---- what ends a wait ----

static struct wait_queue queue;
static volatile bool gate;
static volatile int error;
static enum task_state wait_state;

static void waits(void *)
{
    error = WAIT_EVENT(&queue, gate, wait_state);
    EXPECT_EQ(current_task()->state, TASK_RUNNABLE);
}

// Both tasks are on one CPU. The wait ends by itself, or at the gate.
static void wait_ends(enum task_state state, bool signal, bool killed, int how)
{
    gate = false;
    error = 1;
    wait_state = state;
    struct task *t = task_new("waits", waits, NULL, current_task()->affinity);
    t->signal_pending = signal;
    t->killed = killed;
    task_start(t);
    for (u32 i = 0; i < 20 && error == 1; i++)
        schedule();
    EXPECT_EQ(error, how < 0 ? how : 1);
    if (error == 1)
        EXPECT_EQ(t->state, state);
    gate = true;
    wake_all(&queue);
    end(t);
    EXPECT_EQ(error, how);
    EXPECT(list_empty(&queue.waiters));
}

KTEST(sched_wait_ends, "sched.wait-ends", NULL)
{
    wait_init(&queue);
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(0)), 0);
    wait_ends(TASK_SLEEPING, true, false, -EINTR);
    wait_ends(TASK_SLEEPING, false, true, 0); // whoever ends a task sends a signal, too
    wait_ends(TASK_KILLABLE, true, false, 0);
    wait_ends(TASK_KILLABLE, false, true, -EINTR);
    wait_ends(TASK_WAITING, true, true, 0);
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}

// ---- a mutex ----

// The test and the others run on one CPU, with IRQs off: each goes on until it waits, or offers the
// CPU.
static struct mutex mutex;
static struct task *test;
static volatile bool has_it, test_waited;
static volatile u32 sharing, met;

static struct task *start(void (*fn)(void *))
{
    return kthread_create("other", fn, NULL, current_task()->affinity);
}

static void begin(void)
{
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(nr_cpus - 1)), 0);
    mutex_init(&mutex, "test", RANK_SLOTS);
    test = current_task();
    has_it = test_waited = false;
    sharing = met = 0;
    irq_disable();
    mutex_lock(&mutex);
}

static void until_waiting(const volatile struct task *t)
{
    while (t->state != TASK_WAITING && t->state != TASK_KILLABLE)
        schedule();
}

static void over(void)
{
    EXPECT(!mutex.holder);
    irq_enable();
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}

static void takes(void *)
{
    irq_disable();
    mutex_lock(&mutex);
    has_it = true;
    test_waited = test->state == TASK_WAITING; // nobody has woken it yet
    mutex_unlock(&mutex);
    irq_enable();
}

// A free mutex goes to the first task that comes. A waiter that was woken in vain is the next.
KTEST(mutex_turn, "sched.mutex-turn", NULL)
{
    begin();
    struct task *t = start(takes);
    until_waiting(t);
    u64 switches = test->nr_switches;
    mutex_unlock(&mutex);
    EXPECT_EQ(t->state, TASK_RUNNABLE);
    mutex_lock(&mutex); // before it runs
    EXPECT_EQ(test->nr_switches, switches);
    EXPECT(!has_it);
    until_waiting(t); // it ran in vain
    mutex_unlock(&mutex);
    mutex_lock(&mutex); // after it
    EXPECT(has_it);
    EXPECT(test_waited);
    mutex_unlock(&mutex);
    end(t);
    over();
}

static void shares(void *)
{
    irq_disable();
    mutex_lock_shared(&mutex);
    sharing++;
    for (u32 i = 0; i < 100 && sharing < 2; i++)
        schedule();
    met += sharing == 2;
    for (u32 i = 0; i < 100 && met == 1; i++)
        schedule();
    mutex_unlock_shared(&mutex);
    irq_enable();
}

// Of two waiters that want to share it, the first one lets in the second.
KTEST(mutex_chain, "sched.mutex-chain", NULL)
{
    begin();
    struct task *t[2] = {start(shares), start(shares)};
    until_waiting(t[0]);
    until_waiting(t[1]);
    mutex_unlock(&mutex);
    end(t[0]);
    end(t[1]);
    EXPECT_EQ(met, 2);
    over();
}

static void gives_up(void *)
{
    irq_disable();
    error = mutex_lock_killable(&mutex);
    EXPECT_EQ(current_task()->state, TASK_RUNNABLE);
    if (!error)
        mutex_unlock(&mutex);
    irq_enable();
}

// Its end ends the wait, and the mutex is as before; also if it was to end before it came.
KTEST(mutex_killed, "sched.mutex-killed", NULL)
{
    for (u32 early = 0; early < 2; early++) {
        begin();
        u64 holder = mutex.holder;
        error = 1;
        struct task *t = start(gives_up);
        t->killed = early;
        if (!early) {
            until_waiting(t);
            t->killed = true;
            sched_wake(t);
        }
        for (u32 i = 0; i < 100 && error == 1; i++)
            schedule();
        EXPECT_EQ(error, -EINTR);
        EXPECT_EQ(mutex.holder, holder);
        mutex_unlock(&mutex);
        end(t);
        over();
    }
    begin();
    struct task *t = start(gives_up);
    until_waiting(t);
    mutex_unlock(&mutex);
    end(t);
    EXPECT_EQ(error, 0);
    over();
}
