// Tasks as gdb's threads: see threads.h.
#include "debug/kgdb/threads.h"
#include "kernel/base/string.h"
#include "sched/runqueue.h"

#define IDLE_THREADS 5000000u // beyond the highest tid
#define ENTRY_MAX    160      // bytes of one thread in the list, with the list's end

u32 thread_id(const struct task *t)
{
    return t == runqueues[t->cpu].idle ? IDLE_THREADS + t->cpu : t->tid;
}

// This takes no lock, because the lock's holder may be a stopped CPU. A task that is just being
// linked or unlinked may be missing.
static void for_each_task(void (*fn)(struct task *t, void *arg), void *arg)
{
    struct task *t;
    for (u32 i = 0; i < TASK_LISTS; i++)
        list_for_each (t, &task_lists[i], tid_node)
            fn(t, arg);
}

struct search {
    u64 tid;
    struct task *found;
};

static void look(struct task *t, void *arg)
{
    struct search *s = arg;
    if (t->tid == s->tid)
        s->found = t;
}

struct task *thread_find(u64 id)
{
    struct search s = {.tid = id};
    if (id >= IDLE_THREADS)
        return id - IDLE_THREADS < nr_cpus ? runqueues[id - IDLE_THREADS].idle : NULL;
    for_each_task(look, &s);
    for (u32 cpu = 0; !s.found && cpu < nr_cpus; cpu++) // it may be about to end, but still run
        if (cpus[cpu].current->tid == id)
            s.found = cpus[cpu].current;
    return s.found;
}

s32 thread_cpu(const struct task *t)
{
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        if (cpus[cpu].current == t)
            return cpu;
    return -1;
}

struct task *thread_on(u32 cpu)
{
    return cpus[cpu].current;
}

// ---- the list ----

// A task's name may hold any byte. XML may not, so others become '?'.
static void plain_name(const struct task *t, char *to)
{
    strcopy(to, t->comm, TASK_COMM_LEN);
    for (char *c = to; *c; c++)
        if (*c < ' ' || *c > '~' || *c == '<' || *c == '>' || *c == '&' || *c == '"')
            *c = '?';
}

static void describe(struct task *t, void *arg)
{
    static const char *const states[] = {
        [TASK_NEW] = "new",         [TASK_RUNNABLE] = "waits for a CPU",
        [TASK_SLEEPING] = "sleeps", [TASK_WAITING] = "waits",
        [TASK_KILLABLE] = "waits",  [TASK_STOPPED] = "stopped",
        [TASK_TRACED] = "traced",   [TASK_DEAD] = "dead",
    };
    struct text *xml = arg;
    char name[TASK_COMM_LEN];
    s32 cpu = thread_cpu(t);
    if (xml->size - xml->len < 2 * ENTRY_MAX)
        return;
    plain_name(t, name);
    text_add(xml, "<thread id=\"%x\" core=\"%u\" name=\"%s\">", thread_id(t),
             cpu >= 0 ? (u32)cpu : t->cpu, name);
    if (cpu >= 0)
        text_add(xml, "runs on CPU %d</thread>\n", cpu);
    else if (t == runqueues[t->cpu].idle)
        text_add(xml, "CPU %u is busy</thread>\n", t->cpu);
    else
        text_add(xml, "%s, CPU %u</thread>\n", states[t->state], t->cpu);
}

void thread_list(struct text *xml)
{
    text_add(xml, "<?xml version=\"1.0\"?>\n<threads>\n");
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        describe(runqueues[cpu].idle, xml);
    for_each_task(describe, xml);
    text_add(xml, "</threads>\n");
}
