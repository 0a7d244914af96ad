// The rings of the trace: see trace.h.
#include "linux/sched/trace.h"
#include "arch/x86/platform.h"
#include "kernel/base/cmdline.h"
#include "kernel/base/errno.h"
#include "kernel/mm/heap.h"

#define MAX_KIB 4096
#define ROUND   0x80 // in a record's kind: changes each time the ring has gone round

// `head` counts all records ever written. `tail` counts the records that were taken, missed or
// dropped. They never become smaller. So a reader's place (`next`) stays right when the size
// changes.
struct ring {
    struct trace_record *records;
    u64 head, tail, lost;
};

static struct ring rings[MAX_CPUS];
static u64 nr_records; // in each ring, a power of two; 0: no rings
static u32 writers;    // CPUs inside trace_put(), in any context; atomic

static struct trace_record *record_at(const struct ring *r, u64 n)
{
    return &r->records[n & (nr_records - 1)];
}

// The record in a place is record n only if its kind has this value of ROUND.
static u8 round_of(u64 n)
{
    return n & nr_records ? ROUND : 0;
}

// The kind is written last, so a half filled place is no record yet.
void trace_put(const struct trace_record *r)
{
    u64 flags = irq_save();
    __atomic_fetch_add(&writers, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&trace_on, __ATOMIC_SEQ_CST)) {
        struct ring *ring = &rings[cpu_id()];
        // #DB and NMI may come in between. Each of them gets a place of its own.
        u64 n = __atomic_fetch_add(&ring->head, 1, __ATOMIC_RELAXED);
        struct trace_record *to = record_at(ring, n);
        u8 kind = r->kind | round_of(n);
        __atomic_store_n(&to->kind, TRACE_NONE, __ATOMIC_RELEASE);
        *to = *r;
        to->kind = TRACE_NONE;
        to->ns = clock_ns();
        __atomic_store_n(&to->kind, kind, __ATOMIC_RELEASE);
    }
    __atomic_fetch_sub(&writers, 1, __ATOMIC_SEQ_CST);
    irq_restore(flags);
}

int trace_switch(u64 on)
{
    if (on > 1 || (on && !nr_records))
        return -EINVAL;
    __atomic_store_n(&trace_on, on, __ATOMIC_SEQ_CST);
    while (!on && __atomic_load_n(&writers, __ATOMIC_SEQ_CST))
        cpu_pause();
    return 0;
}

int trace_resize(u64 kib)
{
    struct trace_record *fresh[MAX_CPUS] = {NULL};
    u64 n = kib ? 1 : 0;
    if (kib > MAX_KIB)
        return -EINVAL;
    if (trace_on)
        return -EBUSY;
    while (n && n * sizeof(struct trace_record) < kib * 1024)
        n *= 2;
    for (u32 cpu = 0; n && cpu < nr_cpus; cpu++) {
        fresh[cpu] = kalloc(n * sizeof(struct trace_record));
        if (!fresh[cpu]) {
            while (cpu > 0)
                kfree(fresh[--cpu]);
            return -ENOMEM;
        }
    }
    trace_clear();
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        kfree(rings[cpu].records);
        rings[cpu].records = fresh[cpu];
    }
    nr_records = n;
    return 0;
}

void trace_clear(void)
{
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        rings[cpu].tail = __atomic_load_n(&rings[cpu].head, __ATOMIC_RELAXED);
        rings[cpu].lost = 0;
    }
}

u64 trace_kib(void)
{
    return nr_records * sizeof(struct trace_record) / 1024;
}

void trace_init(void)
{
    u64 kib = cmdline_u64("trace", 0);
    if (kib && (trace_resize(kib) || trace_switch(true)))
        printk("trace: no %lu KiB for each CPU; it is off\n", kib);
}

// Copies the first record of one CPU from number *n on, if it is there whole. While it was copied,
// the writer may have gone round the ring and reached its place.
static bool first_from(struct ring *r, u64 *n, struct trace_record *to)
{
    u64 head = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);
    do {
        if (head - r->tail > nr_records) {
            r->lost += head - nr_records - r->tail;
            r->tail = head - nr_records;
        }
        *n = MAX(*n, r->tail);
        if (*n == head)
            return false;
        const struct trace_record *from = record_at(r, *n);
        u8 kind = __atomic_load_n(&from->kind, __ATOMIC_ACQUIRE);
        if (!(kind & ~ROUND) || (kind & ROUND) != round_of(*n))
            return false;
        *to = *from;
        to->kind = kind & ~ROUND;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        head = __atomic_load_n(&r->head, __ATOMIC_RELAXED);
    } while (head - *n > nr_records);
    return true;
}

bool trace_next(struct trace_reader *reader, struct trace_record *r, u32 *cpu)
{
    struct trace_record next;
    u64 *after = NULL;
    r->ns = reader ? reader->until : UINT64_MAX;
    for (u32 i = 0; nr_records && i < nr_cpus; i++) {
        u64 *n = reader ? &reader->next[i] : &rings[i].tail;
        if (first_from(&rings[i], n, &next) && next.ns < r->ns) {
            *r = next;
            *cpu = i;
            after = n;
        }
    }
    if (after)
        ++*after;
    return after;
}

u64 trace_lost(void)
{
    u64 lost = 0;
    for (u32 i = 0; i < nr_cpus; i++)
        lost += rings[i].lost;
    return lost;
}

static void print_what(struct text *t, const struct trace_record *r, u32 cpu)
{
    switch (r->kind) {
    case TRACE_SWITCH:
        text_add(t, "sched_switch: prev_pid=%lu next_pid=%u next_comm=%.8s", r->a, r->tid,
                 (const char *)&r->b);
        break;
    case TRACE_MIGRATE:
        text_add(t, "sched_migrate_task: pid=%u orig_cpu=%lu dest_cpu=%u", r->tid, r->a, cpu);
        break;
    case TRACE_WAKE:
        text_add(t, "sched_wakeup: pid=%u target_cpu=%lu", r->tid, r->a);
        break;
    case TRACE_INSTALL:
        text_add(t, "bp_install: reg=%u id=%lu addr=0x%lx len=%u type=%u pid=%u %s", r->slot, r->b,
                 r->a, r->info >> 4 & 0xf, r->info & 0xf, r->tid,
                 r->info & TRACE_PINNED ? "pinned" : "flexible");
        if (r->a >= KERNEL_BASE)
            text_add(t, " at=%pS", (void *)r->a);
        break;
    case TRACE_EVICT:
        text_add(t, "bp_evict: reg=%u id=%lu", r->slot, r->b);
        break;
    case TRACE_WRITES:
        text_add(t, "bp_writes: n=%lu dr7=0x%lx", r->a, r->b);
        break;
    case TRACE_HIT:
        text_add(t, "bp_hit: reg=%u id=%lu ip=0x%lx", r->slot, r->b, r->a);
        if (r->a >= KERNEL_BASE)
            text_add(t, " at=%pS", (void *)r->a);
        break;
    case TRACE_REFUSED:
        text_add(t, "bp_refused: pid=%u why=%s", r->tid, (const char *)r->a);
        break;
    case TRACE_TURN:
        text_add(t, "bp_turn:");
        break;
    }
}

void trace_print(struct text *t, const struct trace_record *r, u32 cpu)
{
    text_add(t, "[%03u] %llu.%09llu: ", cpu, r->ns / NS_PER_SEC, r->ns % NS_PER_SEC);
    print_what(t, r, cpu);
    text_add(t, "\n");
}
