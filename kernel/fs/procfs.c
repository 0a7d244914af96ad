// /proc: the machinery of generated files, and the files about the kernel as a whole.
#include "kernel/fs/procfs.h"

#include <stdarg.h>

#include "arch/x86/platform.h"
#include "arch/x86/uaccess.h"
#include "hwbp/hwbp.h"
#include "kernel/base/printk.h"
#include "kernel/base/string.h"
#include "kernel/debug/watch.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/proc/syscalls.h"
#include "perf/sample.h"

#define PAGE_KB   ((unsigned long)PAGE_SIZE / 1024)
#define TEXT_MAX  (1u << 20) // longest generated text
#define STORE_MAX 1024       // longest write

// An open generated file: the text as it was when it was last read from the start.
struct snapshot {
    struct node *node;
    char *buf;
    size_t len;
};

void text_add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;
    va_start(ap, fmt);
    n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
    va_end(ap);
    t->len = MIN(t->size, t->len + n);
}

static const struct proc_file *kind(const struct node *n)
{
    return (const struct proc_file *)n->arg;
}

static int refresh(struct snapshot *s)
{
    for (size_t size = PAGE_SIZE; size <= TEXT_MAX; size *= 2) {
        char *buf = kalloc(size);
        size_t len;

        if (!buf)
            return -ENOMEM;
        len = kind(s->node)->show(s->node, buf, size);
        if (len < size) {
            kfree(s->buf);
            s->buf = buf;
            s->len = len;
            return 0;
        }
        kfree(buf);
    }
    return -EFBIG;
}

static ssize_t proc_read(struct file *f, u64 ubuf, size_t n, u64 *pos)
{
    struct snapshot *s = f->private;
    int err = 0;
    if (*pos == 0 || !s->buf)
        err = refresh(s);
    return err ? err : read_buffer(ubuf, n, pos, s->buf, s->len);
}

static ssize_t proc_write(struct file *f, u64 ubuf, size_t n, u64 *)
{
    struct snapshot *s = f->private;
    char text[STORE_MAX + 1];
    if (n > STORE_MAX)
        return -EINVAL;
    if (copy_from_user(text, ubuf, n))
        return -EFAULT;
    text[n] = '\0';
    return kind(s->node)->store(text, n);
}

static s64 proc_lseek(struct file *f, s64 off, int whence)
{
    return whence == SEEK_END ? -EINVAL : file_seek(f, off, whence, 0);
}

// ">" opens with O_TRUNC and shells may truncate: there is nothing to cut.
static int proc_truncate(struct file *, u64)
{
    return 0;
}

static void proc_stat(struct file *f, struct stat *st)
{
    struct snapshot *s = f->private;
    node_stat(s->node, st);
}

static void proc_release(struct file *f)
{
    struct snapshot *s = f->private;
    node_put(s->node);
    kfree(s->buf);
    kfree(s);
}

static const struct file_ops proc_ops = {
    .read = proc_read,
    .write = proc_write,
    .lseek = proc_lseek,
    .truncate = proc_truncate,
    .stat = proc_stat,
    .release = proc_release,
};

static struct file *proc_open(struct node *n, u32 flags)
{
    struct snapshot *s;
    struct file *f;
    if ((flags & O_ACCMODE) != O_RDONLY && !kind(n)->store)
        return ERR_PTR(-EACCES);
    s = kalloc(sizeof(*s));
    f = file_new(&proc_ops, s, flags);
    if (!s || !f) {
        kfree(s);
        kfree(f);
        return ERR_PTR(-ENOMEM);
    }
    node_get(n);
    s->node = n;
    return f;
}

const struct node_ops proc_file_ops = {.open = proc_open};

// ---- the files ----

static size_t show_meminfo(struct node *, char *buf, size_t size)
{
    struct text t = {buf, size, 0};
    text_add(&t, "MemTotal:       %8lu kB\n", pages_total() * PAGE_KB);
    text_add(&t, "MemFree:        %8lu kB\n", pages_free_count() * PAGE_KB);
    text_add(&t, "KernelHeap:     %8lu kB\n", heap_bytes_in_use() / 1024);
    return t.len;
}

static size_t show_uptime(struct node *, char *buf, size_t size)
{
    struct text t = {buf, size, 0};
    u64 up = clock_ns() / 10000000, idle = 0;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        idle += sched_stats(cpu)->idle_ns / 10000000;
    text_add(&t, "%lu.%02lu %lu.%02lu\n", up / 100, up % 100, idle / 100, idle % 100);
    return t.len;
}

// CPUID leaves 0x80000002 to 0x80000004 spell the name (SDM vol. 2, CPUID).
static void cpu_brand(char name[49])
{
    u32 out[4];
    name[0] = name[48] = '\0';
    cpuid(0x80000000, 0, out);
    if (out[0] < 0x80000004)
        return;
    for (u32 i = 0; i < 3; i++) {
        cpuid(0x80000002 + i, 0, out);
        memcpy(name + 16 * i, out, 16);
    }
}

static size_t show_cpuinfo(struct node *, char *buf, size_t size)
{
    struct text t = {buf, size, 0};
    char brand[49];
    cpu_brand(brand);
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        if (!cpu_is_online(cpu))
            continue;
        text_add(&t, "processor\t: %u\n", cpu);
        text_add(&t, "vendor_id\t: %s\n", cpu_features.vendor);
        text_add(&t, "model name\t: %s\n", brand);
        text_add(&t, "apicid\t\t: %u\n", cpus[cpu].apic_id);
        text_add(&t, "flags\t\t: fpu pae sse sse2 syscall nx lm%s%s%s%s\n\n",
                 cpu_features.smep ? " smep" : "", cpu_features.smap ? " smap" : "",
                 cpu_features.umip ? " umip" : "", cpu_features.pge ? " pge" : "");
    }
    return t.len;
}

static size_t show_sched(struct node *, char *buf, size_t size)
{
    struct text t = {buf, size, 0};
    text_add(&t, "cpu   switches preemptions migrations_in      ticks    idle_ms\n");
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        const struct sched_stats *s = sched_stats(cpu);

        text_add(&t, "%3u %10lu  %10lu    %10lu %10lu %10lu\n", cpu, s->switches, s->preemptions,
                 s->migrations_in, s->ticks, s->idle_ns / 1000000);
    }
    return t.len;
}

static size_t show_kmsg(struct node *, char *buf, size_t size)
{
    return log_read(buf, size);
}

static size_t show_hwbp(struct node *, char *buf, size_t size)
{
    return hwbp_show(buf, size);
}

static size_t show_watch(struct node *, char *buf, size_t size)
{
    return watch_show(buf, size);
}

static size_t show_bp_slots(struct node *, char *buf, size_t size)
{
    struct text t = {buf, size, 0};
    text_add(&t, "%s\n", slots_name(hwbp_rules()));
    return t.len;
}

static ssize_t store_bp_slots(const char *text, size_t n)
{
    char name[16];
    size_t len = n;
    int err;
    while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
        len--;
    if (len >= sizeof(name))
        return -EINVAL;
    memcpy(name, text, len);
    name[len] = '\0';
    err = hwbp_set_rules(name);
    return err ? err : (ssize_t)n;
}

static size_t show_fail_nth(struct node *, char *buf, size_t size)
{
    struct text t = {buf, size, 0};
    text_add(&t, "%lu\n", syscall_fail_left());
    return t.len;
}

static ssize_t store_fail_nth(const char *text, size_t n)
{
    u64 nth;
    if (!parse_u64(text, &nth))
        return -EINVAL;
    syscall_fail_nth(nth);
    return n;
}

static size_t show_sample_rate(struct node *, char *buf, size_t size)
{
    struct text t = {buf, size, 0};
    text_add(&t, "%lu\n", perf_max_sample_rate());
    return t.len;
}

static ssize_t store_sample_rate(const char *text, size_t n)
{
    u64 rate;
    if (!parse_u64(text, &rate) || perf_set_max_sample_rate(rate))
        return -EINVAL;
    return n;
}

struct node *procfs_add(struct node *dir, const struct proc_file *kind)
{
    u32 mode = S_IFREG | (kind->store ? 0644 : 0444);
    struct node *n = node_add(dir, kind->name, mode, &proc_file_ops);
    n->arg = (u64)kind;
    return n;
}

void procfs_init(void)
{
    static const struct proc_file files[] = {
        {"cpuinfo", show_cpuinfo, NULL},    {"hwbp", show_hwbp, NULL},
        {"kmsg", show_kmsg, NULL},          {"meminfo", show_meminfo, NULL},
        {"sched", show_sched, NULL},        {"uptime", show_uptime, NULL},
        {"watch", show_watch, watch_write},
    };
    static const struct proc_file fail_nth = {"fail_nth", show_fail_nth, store_fail_nth};
    static const struct proc_file bp_slots = {"bp_slots", show_bp_slots, store_bp_slots};
    static const struct proc_file sample_rate = {"perf_event_max_sample_rate", show_sample_rate,
                                                 store_sample_rate};
    struct node *proc = node_add(fs_root, "proc", S_IFDIR | 0555, &proc_root_ops), *dir;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        procfs_add(proc, &files[i]);
    node_add(proc, "self", S_IFLNK | 0777, &proc_self_ops);
    dir = node_add(proc, "sys", S_IFDIR | 0555, NULL);
    dir = node_add(dir, "kernel", S_IFDIR | 0555, NULL);
    procfs_add(dir, &bp_slots);
    procfs_add(dir, &sample_rate);
    if (DEBUG_BUILD)
        procfs_add(dir, &fail_nth);
}
