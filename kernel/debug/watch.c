// A wide breakpoint on a kernel symbol, and a record of its first hits.
#include "kernel/debug/watch.h"
#include "arch/x86/context.h"
#include "hwbp/hwbp.h"
#include "kernel/base/errno.h"
#include "kernel/base/ksym.h"
#include "kernel/base/printk.h"
#include "kernel/base/string.h"
#include "sched/wait.h"

#define RECORDS 4
#define DEPTH   12

// Written once by the #DB that takes it, then `ready`: so the handler needs no lock.
struct record {
    bool ready;
    u32 cpu, tid;
    char comm[TASK_COMM_LEN];
    int depth;
    u64 ips[DEPTH];
};

static struct mutex watch_mutex; // one writer of what follows; the handler only fills records
static struct hwbp_wide *watch;
static char watch_name[64];
static struct record records[RECORDS];
static u32 taken; // atomic: records handed out

static void on_access(struct perf_event *event, struct trapframe *regs)
{
    (void)event;
    u32 n = __atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED);
    if (n >= RECORDS)
        return;
    struct record *r = &records[n];
    r->cpu = cpu_id();
    r->tid = current_task()->tid;
    memcpy(r->comm, current_task()->comm, TASK_COMM_LEN);
    r->depth = backtrace_kernel(regs->rip, regs->rbp, r->ips, DEPTH);
    __atomic_store_n(&r->ready, true, __ATOMIC_RELEASE);
}

void watch_init(void)
{
    mutex_init(&watch_mutex);
}

// Splits "symbol:type" in place. Returns the bp_type, or -EINVAL.
static int split(char *text)
{
    char *colon = strchr(text, ':');
    if (!colon)
        return HW_BREAKPOINT_W;
    *colon = 0;
    if (strcmp(colon + 1, "w") == 0)
        return HW_BREAKPOINT_W;
    if (strcmp(colon + 1, "rw") == 0)
        return HW_BREAKPOINT_RW;
    return strcmp(colon + 1, "x") == 0 ? HW_BREAKPOINT_X : -EINVAL;
}

// The longest length, up to the object's size, that its address is aligned to.
static u64 watch_len(u64 addr, u32 size)
{
    u64 len = 8;
    while (len > 1 && (len > size || (addr & (len - 1))))
        len /= 2;
    return len;
}

static int start(char *text)
{
    u32 size = 0;
    int type = split(text);
    if (type < 0)
        return type;
    u64 addr = ksym_lookup(text, &size);
    if (!addr)
        return -ENOENT;
    struct perf_event_attr attr = {
        .type = PERF_TYPE_BREAKPOINT,
        .size = sizeof(attr),
        .pinned = 1,
        .bp_type = type,
        .bp_addr = addr,
        .bp_len = type == HW_BREAKPOINT_X ? sizeof(long) : watch_len(addr, size),
    };
    memset(records, 0, sizeof(records));
    taken = 0;
    struct hwbp_wide *wide = hwbp_register_wide(&attr, on_access, NULL);
    if (IS_ERR(wide))
        return PTR_ERR(wide);
    watch = wide;
    strcopy(watch_name, text, sizeof(watch_name));
    return 0;
}

ssize_t watch_write(const char *text, size_t n)
{
    char line[64];
    int err = 0;
    if (n >= sizeof(line))
        return -EINVAL;
    memcpy(line, text, n);
    line[n && line[n - 1] == '\n' ? n - 1 : n] = 0;

    mutex_lock(&watch_mutex);
    if (watch)
        hwbp_unregister_wide(watch);
    watch = NULL;
    if (line[0])
        err = start(line);
    mutex_unlock(&watch_mutex);
    return err ? err : (ssize_t)n;
}

static size_t show_record(const struct record *r, char *buf, size_t size)
{
    size_t len = snprintf(buf, size, "task %u (%s) on cpu %u:\n", r->tid, r->comm, r->cpu);
    for (int i = 0; i < r->depth && len < size; i++)
        len += snprintf(buf + len, size - len, "    %pS\n", (void *)r->ips[i]);
    return len;
}

size_t watch_show(char *buf, size_t size)
{
    mutex_lock(&watch_mutex);
    size_t len;
    if (!watch)
        len = snprintf(buf, size, "nothing is watched\n");
    else
        len = snprintf(buf, size, "%s: %lu hits\n", watch_name, hwbp_wide_count(watch));
    for (u32 i = 0; watch && i < RECORDS && len < size; i++)
        if (__atomic_load_n(&records[i].ready, __ATOMIC_ACQUIRE))
            len += show_record(&records[i], buf + len, size - len);
    mutex_unlock(&watch_mutex);
    return MIN(len, size);
}
