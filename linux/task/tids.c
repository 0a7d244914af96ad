// Numbers of tasks that are in use although no task has them. See process.h.
#include "linux/task/process.h"
#include "sched/runqueue.h"

// Numbers are given in order. So the list of processes is walked once for 64 numbers, and not for
// each. proc_lock guards all three.
#define BLOCK 64
static u32 block;  // the numbers from block * BLOCK on ...
static u64 in_use; // ... of which these are in use, or were when the block was looked at

static void note(u32 number)
{
    if (number / BLOCK == block)
        in_use |= BIT(number % BLOCK);
}

static void look_at(u32 new_block)
{
    block = new_block;
    in_use = 0;
    for (struct process *p = process_next(NULL); p; p = process_next(p)) {
        note(p->pid);
        note(p->pgid);
        note(p->sid);
    }
}

void tid_settle(struct task *t)
{
    for (;; task_renew_tid(t)) {
        if (t->tid / BLOCK != block)
            look_at(t->tid / BLOCK);
        if (!(in_use & BIT(t->tid % BLOCK)))
            break;
    }
    note(t->tid);
}

u32 tid_last(void)
{
    return __atomic_load_n(&next_tid, __ATOMIC_RELAXED) - 1;
}

void tid_set_last(u32 tid)
{
    u64 flags = spin_lock_irqsave(&tasks_lock);
    next_tid = tid + 1;
    spin_unlock_irqrestore(&tasks_lock, flags);
}
