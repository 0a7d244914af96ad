// The core's trace. With "trace=1" it keeps the first records in memory, where that disturbs least.
// When the demonstration has ended, it writes them to the second serial port.
// tools/timeline/core.py puts them into words.
#include "kernel/core/core.h"
#include "arch/x86/platform.h"
#include "kernel/base/cmdline.h"
#include "kernel/base/printk.h"
#include "kernel/mm/heap.h"
#include "sched/trace.h"

#define MAX_RECORDS (1u << 16)

static struct kept {
    struct trace_record record;
    u32 cpu;
} * kept;
static u64 nr_records; // ever put; those after the first MAX_RECORDS are lost; atomic

void trace_put(const struct trace_record *r)
{
    u64 n = __atomic_fetch_add(&nr_records, 1, __ATOMIC_RELAXED);
    if (n >= MAX_RECORDS)
        return;
    kept[n] = (struct kept){*r, cpu_id()};
    kept[n].record.ns = clock_ns();
}

void trace_begin(void)
{
    if (!cmdline_u64("trace", 0))
        return;
    kept = kalloc(MAX_RECORDS * sizeof(*kept));
    if (!kept)
        panic("no memory for the trace");
    __atomic_store_n(&trace_on, true, __ATOMIC_SEQ_CST);
}

void trace_end(void)
{
    u64 n = __atomic_load_n(&nr_records, __ATOMIC_SEQ_CST);
    char line[256];
    if (!kept)
        return;
    __atomic_store_n(&trace_on, false, __ATOMIC_SEQ_CST);
    for (u64 i = 0; i < n && i < MAX_RECORDS; i++) {
        const struct trace_record *r = &kept[i].record;
        const char *why = r->kind == TRACE_REFUSED ? (const char *)r->a : "";
        int len = snprintf(line, sizeof(line), "%lu %u %u %u %u %u %lu %lu %s\n", r->ns,
                           kept[i].cpu, r->kind, r->slot, r->info, r->tid, r->a, r->b, why);
        serial_write(COM2, line, len);
    }
    int len = snprintf(line, sizeof(line), "lost: %lu\n", n > MAX_RECORDS ? n - MAX_RECORDS : 0);
    serial_write(COM2, line, len);
    serial_drain();
}
