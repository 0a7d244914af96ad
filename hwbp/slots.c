// The slot rules (docs/slots.md): a table of rule sets. They differ only in how they measure the
// registers that a CPU would need.

#include "hwbp/slots.h"
#include "arch/x86/upcalls.h"

#define ENOSPC 28 // kernel/base/errno.h; this file includes nothing that the host does not have

// ---- The rules ----
//
// A request is for one CPU or every CPU, and for a task or no task. A rule set finds the greatest
// need of these CPUs at one moment, as a struct slot_refusal. The cases:
//
//   (1) 2009      The task that holds most counts, whether or not it will run there. For every CPU,
//                 the greatest number of pinned breakpoints and the presence of flexible ones are
//                 looked for separately, possibly on different CPUs.
//   (2) exact     (2a) A request of a task: this task runs there.
//                 (2b) A request of no task: the task with the greatest need runs there.
//                 For every CPU, the CPU with the greatest need decides.
//   (3) mainline  As exact, with every request taken as pinned.
//
// A flexible breakpoint asks for a register only where none is kept yet.

static u32 sum(const struct slot_refusal *l)
{
    return l->by_cpu + l->by_task + l->kept + l->asked;
}

static void ask(struct slot_refusal *l, const struct slot_request *r)
{
    l->asked = r->pinned || !l->kept;
}

static u32 first_cpu(const struct slot_request *r)
{
    return r->cpu < 0 ? 0 : (u32)r->cpu;
}

static u32 end_cpu(const struct slot_table *t, const struct slot_request *r)
{
    return r->cpu < 0 ? t->nr_cpus : (u32)r->cpu + 1;
}

static u32 own_pinned(const struct slot_task *task, u32 cpu)
{
    return task->every_pinned + task->cpu_pinned[cpu];
}

static u32 own_flexible(const struct slot_task *task, u32 cpu)
{
    return task->every_flexible + task->cpu_flexible[cpu];
}

u32 slots_max_task(const struct slot_cpu *c)
{
    u32 n = SLOTS_PER_CPU;
    while (n > 0 && c->tasks[0][n] + c->tasks[1][n] == 0)
        n--;
    return n;
}

// Case (1).
static struct slot_refusal load_2009(const struct slot_table *t, const struct slot_request *r)
{
    struct slot_refusal worst = {.cpu = first_cpu(r)};

    for (u32 cpu = first_cpu(r); cpu < end_cpu(t, r); cpu++) {
        const struct slot_cpu *c = &t->cpu[cpu];
        if (c->cpu_pinned + slots_max_task(c) > worst.by_cpu + worst.by_task) {
            worst.cpu = cpu;
            worst.by_cpu = c->cpu_pinned;
            worst.by_task = slots_max_task(c);
        }
        worst.flexible = MAX(worst.flexible, c->flexible);
    }
    worst.kept = worst.flexible > 0;
    ask(&worst, r);
    return worst;
}

static void worse(struct slot_refusal *worst, struct slot_refusal l, const struct slot_request *r)
{
    ask(&l, r);
    if (sum(&l) > sum(worst))
        *worst = l;
}

// The worst that may run on one CPU: the CPU's own alone, or together with one of the tasks (2b).
static void worst_task(const struct slot_cpu *c, struct slot_refusal l,
                       const struct slot_request *r, struct slot_refusal *worst)
{
    worse(worst, l, r);
    for (u32 n = 0; n <= SLOTS_PER_CPU; n++) {
        for (u32 f = 0; f < 2; f++) {
            if (c->tasks[f][n] > 0) {
                l.by_task = n;
                l.kept = f || c->cpu_flexible > 0;
                l.flexible = f ? c->flexible : c->cpu_flexible;
                worse(worst, l, r);
            }
        }
    }
}

// Cases (2) and (3).
static struct slot_refusal load_exact(const struct slot_table *t, const struct slot_request *r)
{
    struct slot_refusal worst = {0};

    for (u32 cpu = first_cpu(r); cpu < end_cpu(t, r); cpu++) {
        const struct slot_cpu *c = &t->cpu[cpu];
        struct slot_refusal l = {.cpu = cpu, .by_cpu = c->cpu_pinned};
        l.flexible = c->cpu_flexible + (r->task ? own_flexible(r->task, cpu) : 0);
        l.kept = l.flexible > 0;
        if (r->task) {
            l.by_task = own_pinned(r->task, cpu);
            worse(&worst, l, r);
        } else {
            worst_task(c, l, r, &worst);
        }
    }
    return worst;
}

static const struct {
    const char *name;
    struct slot_refusal (*load)(const struct slot_table *, const struct slot_request *);
    bool all_pinned;
} rule_sets[] = {
    [SLOTS_2009] = {"2009", load_2009, false},
    [SLOTS_EXACT] = {"exact", load_exact, false},
    [SLOTS_MAINLINE] = {"mainline", load_exact, true},
};

// The request as the rule set in force sees it.
static struct slot_request as_ruled(const struct slot_table *t, const struct slot_request *r)
{
    struct slot_request ruled = *r;
    if (r->cpu < -1 || r->cpu >= (s32)t->nr_cpus)
        panic("slots: request for CPU %d of %u", r->cpu, t->nr_cpus);
    ruled.pinned |= rule_sets[t->rules].all_pinned;
    return ruled;
}

// ---- The counts ----

// `*n` goes up or down by one.
static void step(u32 *n, bool up)
{
    if (!up && *n == 0)
        panic("slots: released what was not held");
    *n += up ? 1 : -1;
}

// Enters a task that holds so many into one CPU's histogram, or takes it out.
static void count_task(struct slot_cpu *c, u32 pinned, u32 flexible, bool up)
{
    if (pinned > SLOTS_PER_CPU)
        panic("slots: a task holds %u pinned breakpoints on one CPU", pinned);
    if (pinned || flexible)
        step(&c->tasks[flexible > 0][pinned], up);
}

// The task holds one more, or less, than it did on this CPU.
static void move_task(struct slot_table *t, const struct slot_request *r, u32 cpu, bool up)
{
    u32 pinned = own_pinned(r->task, cpu), flexible = own_flexible(r->task, cpu);
    count_task(&t->cpu[cpu], pinned, flexible, false);
    if (r->pinned)
        step(&pinned, up);
    else
        step(&flexible, up);
    count_task(&t->cpu[cpu], pinned, flexible, true);
}

// Where a task counts what it holds of the request's kind.
static u32 *held_by_task(const struct slot_request *r)
{
    struct slot_task *task = r->task;
    if (r->cpu < 0)
        return r->pinned ? &task->every_pinned : &task->every_flexible;
    return r->pinned ? &task->cpu_pinned[r->cpu] : &task->cpu_flexible[r->cpu];
}

static void count(struct slot_table *t, const struct slot_request *r, bool up)
{
    for (u32 cpu = first_cpu(r); cpu < end_cpu(t, r); cpu++) {
        struct slot_cpu *c = &t->cpu[cpu];
        if (r->task)
            move_task(t, r, cpu, up);
        else
            step(r->pinned ? &c->cpu_pinned : &c->cpu_flexible, up);
        if (!r->pinned)
            step(&c->flexible, up);
    }
    if (r->task)
        step(held_by_task(r), up);
    step(&t->live, up);
}

void slots_init(struct slot_table *t, enum slot_rules rules, u32 nr_cpus)
{
    if (nr_cpus < 1 || nr_cpus > SLOT_CPUS)
        panic("slots: %u CPUs", nr_cpus);
    *t = (struct slot_table){.rules = rules, .nr_cpus = nr_cpus};
}

int slots_reserve(struct slot_table *t, const struct slot_request *r, struct slot_refusal *why)
{
    struct slot_request ruled = as_ruled(t, r);
    struct slot_refusal load = rule_sets[t->rules].load(t, &ruled);

    if (sum(&load) > SLOTS_PER_CPU) {
        if (why)
            *why = load;
        return -ENOSPC;
    }
    count(t, &ruled, true);
    return 0;
}

void slots_inherit(struct slot_table *t, const struct slot_request *r)
{
    struct slot_request ruled = as_ruled(t, r);
    struct slot_refusal load = load_exact(t, &ruled);

    if (sum(&load) > SLOTS_PER_CPU)
        panic("slots: an inherited breakpoint over-commits CPU %u", load.cpu);
    count(t, &ruled, true);
}

void slots_release(struct slot_table *t, const struct slot_request *r)
{
    struct slot_request ruled = as_ruled(t, r);
    count(t, &ruled, false);
}

// ---- Names ----

const char *slots_name(enum slot_rules rules)
{
    return rule_sets[rules].name;
}

bool slots_parse(const char *name, enum slot_rules *rules)
{
    for (u32 i = 0; i < ARRAY_SIZE(rule_sets); i++) {
        if (__builtin_strcmp(name, rule_sets[i].name) == 0) {
            *rules = i;
            return true;
        }
    }
    return false;
}
