// An oracle for the slot rules that knows only the list of live breakpoints. It keeps no counts: it
// answers every question from the list. For "exact" it tries all placements of tasks.
#pragma once

#include "hwbp/slots.h"

#define MAX_LIVE       64
#define MAX_TASKS      6
#define MAX_CPUS_TRIED 4
#define NOBODY         (-1)

struct bp {
    int task; // NOBODY: bound to no task
    int cpu;  // -1: every CPU
    bool pinned;
};

struct live {
    int nr, nr_cpus, nr_tasks;
    struct bp bp[MAX_LIVE];
};

static bool can_run_on(const struct bp *b, int cpu)
{
    return b->cpu < 0 || b->cpu == cpu;
}

// The breakpoints that can run on one CPU, counted from the list: pinned and flexible. Index 0:
// bound to no task; 1 + task: of that task.
struct tally {
    int pinned[1 + MAX_TASKS], flexible[1 + MAX_TASKS];
};

// `asked` may be NULL; otherwise it counts as if it were on the list.
static struct tally count_list(const struct live *l, int cpu, const struct bp *asked)
{
    struct tally t = {0};
    for (int i = 0; i < l->nr + (asked != NULL); i++) {
        const struct bp *b = i < l->nr ? &l->bp[i] : asked;
        if (can_run_on(b, cpu))
            (b->pinned ? t.pinned : t.flexible)[1 + b->task]++;
    }
    return t;
}

// The quantities of the 2009 rules.
static int max_pinned(const struct tally *t)
{
    int max = 0;
    for (int task = 0; task < MAX_TASKS; task++)
        max = MAX(max, t->pinned[1 + task]);
    return t->pinned[0] + max;
}

static int all_flexible(const struct tally *t)
{
    int n = 0;
    for (int i = 0; i <= MAX_TASKS; i++)
        n += t->flexible[i];
    return n;
}

// Does a CPU need more registers than it has while `task` (or NOBODY) runs there?
static bool over_committed(const struct tally *t, int task)
{
    int pinned = t->pinned[0], flexible = t->flexible[0];
    if (task != NOBODY) {
        pinned += t->pinned[1 + task];
        flexible += t->flexible[1 + task];
    }
    return pinned + (flexible > 0) > SLOTS_PER_CPU;
}

// Every placement of tasks on the CPUs from `cpu` on; a task runs on at most one CPU.
static bool some_placement_fails(const struct live *l, const struct tally *cpus, int cpu,
                                 u32 placed)
{
    if (cpu == l->nr_cpus)
        return false;
    for (int task = NOBODY; task < l->nr_tasks; task++) {
        u32 now = task == NOBODY ? 0 : BIT(task);
        if (!(placed & now) && (over_committed(&cpus[cpu], task) ||
                                some_placement_fails(l, cpus, cpu + 1, placed | now)))
            return true;
    }
    return false;
}

static bool placements_fail(const struct live *l, const struct bp *asked)
{
    struct tally cpus[MAX_CPUS_TRIED];
    for (int cpu = 0; cpu < l->nr_cpus; cpu++)
        cpus[cpu] = count_list(l, cpu, asked);
    return some_placement_fails(l, cpus, 0, 0);
}

// The same answer, but faster: a CPU's need depends only on the task that runs there.
static bool some_pair_fails(const struct live *l, const struct bp *asked)
{
    for (int cpu = 0; cpu < l->nr_cpus; cpu++) {
        struct tally t = count_list(l, cpu, asked);
        for (int task = NOBODY; task < l->nr_tasks; task++)
            if (over_committed(&t, task))
                return true;
    }
    return false;
}

// The 2009 rules as they are written: over several CPUs both maxima, each separately. There is one
// exception. As written, a flexible event on one CPU would hide that another CPU is full. The
// meaning is: flexible == 0 and pinned >= 4 on the same CPU refuse a flexible event
// (docs/slots.md).
static bool grants_2009(const struct live *l, const struct bp *asked)
{
    int pinned = 0, flexible = 0;
    bool full = false;
    for (int cpu = 0; cpu < l->nr_cpus; cpu++) {
        if (!can_run_on(asked, cpu))
            continue;
        struct tally t = count_list(l, cpu, NULL);
        pinned = MAX(pinned, max_pinned(&t));
        flexible = MAX(flexible, all_flexible(&t));
        full |= all_flexible(&t) == 0 && max_pinned(&t) >= SLOTS_PER_CPU;
    }
    return asked->pinned ? pinned + (flexible > 0) < SLOTS_PER_CPU : !full;
}

// The answer of Linux 6.12; the list has only pinned breakpoints.
static bool grants_mainline(const struct live *l, const struct bp *asked)
{
    for (int cpu = 0; cpu < l->nr_cpus; cpu++) {
        if (!can_run_on(asked, cpu))
            continue;
        struct tally t = count_list(l, cpu, NULL);
        int own = t.pinned[0] + t.pinned[1 + asked->task];
        if ((asked->task == NOBODY ? max_pinned(&t) : own) + 1 > SLOTS_PER_CPU)
            return false;
    }
    return true;
}

static bool oracle_grants(enum slot_rules rules, const struct live *l, const struct bp *asked)
{
    switch (rules) {
    case SLOTS_2009:
        return grants_2009(l, asked);
    case SLOTS_EXACT:
        return !some_pair_fails(l, asked);
    case SLOTS_MAINLINE:
        return grants_mainline(l, asked);
    }
    return false;
}

// Compares the table with the list. Returns NULL, or what is wrong.
static const char *table_differs(const struct slot_table *table, const struct live *l)
{
    if (table->live != (u32)l->nr)
        return "live";
    for (int cpu = 0; cpu < l->nr_cpus; cpu++) {
        const struct slot_cpu *c = &table->cpu[cpu];
        struct tally t = count_list(l, cpu, NULL);
        u32 tasks[2][SLOTS_PER_CPU + 1] = {0};
        for (int task = 0; task < l->nr_tasks; task++) {
            int n = t.pinned[1 + task], f = t.flexible[1 + task] > 0;
            if (n > SLOTS_PER_CPU)
                return "a task's count";
            if (n || f)
                tasks[f][n]++;
        }
        if (c->cpu_pinned != (u32)t.pinned[0])
            return "cpu_pinned";
        if (c->cpu_flexible != (u32)t.flexible[0])
            return "cpu_flexible";
        if (c->flexible != (u32)all_flexible(&t))
            return "flexible";
        if (__builtin_memcmp(c->tasks, tasks, sizeof(tasks)) != 0)
            return "tasks";
    }
    return NULL;
}
