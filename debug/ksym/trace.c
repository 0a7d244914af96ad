// The trace: a ring for each CPU. Only the #DBs of its CPU write to a ring, so recording takes no
// lock. The next access overwrites the oldest, at any moment: nobody reads that one any more.
#include "arch/x86/platform.h"
#include "debug/ksym/ksym.h"
#include "hwbp/hwbp.h"
#include "kernel/base/string.h"
#include "linux/task/timespec.h"

#define HITS  2048u // accesses that fit into all rings together
#define DEPTH 6     // functions of an access: the one that made it, and its callers

struct hit {
    u64 time;       // clock_ns()
    u64 ips[DEPTH]; // first the place of the CPU after the access, then return addresses
    u32 depth;
    u64 addr;
    u32 tid, type;
    char comm[TASK_COMM_LEN];
};

struct ring {
    u64 head;  // accesses recorded since boot; written by the ring's CPU
    u64 start; // the number of the first access after the trace was last emptied
} __aligned(64);

static struct hit hits[HITS];
static struct ring rings[MAX_CPUS];

static u64 ring_size(void)
{
    return HITS / nr_cpus;
}

static struct hit *slot(u32 cpu, u64 n)
{
    return &hits[cpu * ring_size() + n % ring_size()];
}

void ksym_trace_hit(struct perf_event *event, struct trapframe *regs)
{
    u32 cpu = cpu_id();
    u64 n = rings[cpu].head;
    struct hit *h = slot(cpu, n);
    h->time = clock_ns();
    h->depth = backtrace_kernel(regs->rip, regs->rbp, h->ips, DEPTH);
    h->addr = event->attr.bp_addr;
    h->type = event->attr.bp_type;
    h->tid = current_task()->tid;
    memcpy(h->comm, current_task()->comm, sizeof(h->comm));
    __atomic_store_n(&rings[cpu].head, n + 1, __ATOMIC_RELEASE);
}

// Copies an access out of a ring. It was whole when the ring's head was read. False when it may
// have been overwritten since then.
static bool read_hit(u32 cpu, u64 n, struct hit *copy)
{
    *copy = *slot(cpu, n);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&rings[cpu].head, __ATOMIC_RELAXED) - n < ring_size();
}

void ksym_add_name(struct text *t, u64 addr)
{
    u64 offset;
    const char *name = ksym_find(addr, &offset);
    if (!name)
        text_add(t, "0x%lx", addr);
    else if (offset)
        text_add(t, "%s+0x%lx", name, offset);
    else
        text_add(t, "%s", name);
}

// A line with the columns of Linux's traces, then the access, its function and the callers.
static void show_hit(struct text *t, u32 cpu, const struct hit *h)
{
    struct timeval at = ns_timeval(h->time);
    text_add(t, "%16s-%-7u [%03u] %5ld.%06ld: ", h->comm, h->tid, cpu, at.sec, at.usec);
    ksym_add_name(t, h->addr);
    text_add(t, " %s", h->type == HW_BREAKPOINT_W ? "W" : "RW");
    for (u32 i = 0; i < h->depth; i++)
        text_add(t, "%s %pS", i ? " <-" : "", (void *)h->ips[i]);
    text_add(t, "\n");
}

struct cursor {
    u64 next, end;
};

// The CPU whose next access is the oldest of all. nr_cpus when all have been shown.
static u32 oldest(const struct cursor *at)
{
    u32 best = nr_cpus;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        if (at[cpu].next < at[cpu].end &&
            (best == nr_cpus || slot(cpu, at[cpu].next)->time < slot(best, at[best].next)->time))
            best = cpu;
    return best;
}

void ksym_trace_show(struct text *t, u64)
{
    struct cursor at[MAX_CPUS];
    struct hit copy;
    u64 written = 0, kept = 0;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        u64 head = __atomic_load_n(&rings[cpu].head, __ATOMIC_ACQUIRE);
        u64 recorded = head - __atomic_load_n(&rings[cpu].start, __ATOMIC_RELAXED);
        at[cpu] = (struct cursor){head - MIN(recorded, ring_size() - 1), head};
        written += recorded;
        kept += head - at[cpu].next;
    }
    text_add(t, "# tracer: ksym_tracer\n#\n");
    text_add(t, "# entries-in-buffer/entries-written: %lu/%lu   #P:%u\n", kept, written, nr_cpus);
    text_add(t, "# lost: %lu\n#\n", written - kept);
    text_add(t, "#           TASK-PID     CPU#    TIMESTAMP: SYMBOL ACCESS FUNCTION\n");
    for (u32 cpu; (cpu = oldest(at)) < nr_cpus; at[cpu].next++)
        if (read_hit(cpu, at[cpu].next, &copy))
            show_hit(t, cpu, &copy);
}

void ksym_trace_clear(void)
{
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        __atomic_store_n(&rings[cpu].start, __atomic_load_n(&rings[cpu].head, __ATOMIC_ACQUIRE),
                         __ATOMIC_RELAXED);
}

int ksym_trace_write(const char *, u64)
{
    ksym_trace_clear();
    return 0;
}
