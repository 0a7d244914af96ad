// /proc: how generated files work, and the files about the kernel as a whole.
#include "linux/fs/procfs.h"

#include "arch/x86/uaccess.h"
#include "hwbp/hwbp.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "linux/fs/upcalls.h"
#include "linux/perf/perf.h"
#include "linux/perf/sample.h"
#include "sched/runqueue.h"

#define TEXT_MAX  (1u << 20) // bytes of the longest generated text
#define STORE_MAX 1024       // bytes of the longest write

// An open generated file keeps the text. A read from the start makes the text anew. If the kind has
// records, the text comes in pieces. At the end of a piece the next one takes its place.
struct snapshot {
    size_t size, len; // bytes of the memory for the text, and of this piece
    u64 start;        // its position in the file
    struct trace_reader reader;
    char text[];
};

static int refresh(struct file *f)
{
    const struct gen_file *kind = f->node->data;
    for (size_t size = PAGE_SIZE; size <= TEXT_MAX; size *= 2) {
        struct snapshot *s = kalloc(size);
        if (!s)
            return -ENOMEM;
        struct text t = {s->text, size - sizeof(*s), 0};
        if (kind->show)
            kind->show(&t, f->node->arg);
        if (t.len < t.size) {
            s->size = t.size;
            s->len = t.len;
            s->reader.until = clock_ns();
            kfree(f->private);
            f->private = s;
            f->weight = size;
            return 0;
        }
        kfree(s);
    }
    return -EFBIG;
}

static ssize_t gen_read(struct file *f, u64 ubuf, size_t n, u64 *pos)
{
    const struct gen_file *kind = f->node->data;
    int err = !f->private || (*pos == 0 && kind->show) ? refresh(f) : 0;
    if (err)
        return err;
    struct snapshot *s = f->private;
    if (kind->records && *pos == s->start + s->len) {
        struct text t = {s->text, s->size, 0};
        kind->records->more(&t, &s->reader);
        s->start = *pos;
        s->len = t.len;
    }
    u64 at = *pos - s->start; // before the piece it is larger than any text
    ssize_t got = read_buffer(ubuf, n, &at, s->text, s->len);
    *pos = s->start + at;
    return got;
}

static ssize_t gen_write(struct file *f, u64 ubuf, size_t n, u64 *)
{
    const struct gen_file *kind = f->node->data;
    char text[STORE_MAX + 1];
    if (n > STORE_MAX)
        return -EINVAL;
    if (copy_from_user(text, ubuf, n))
        return -EFAULT;
    text[n] = '\0';
    if (strlen(text) != n)
        return -EINVAL;
    if (n && text[n - 1] == '\n')
        text[n - 1] = '\0';
    int err = kind->store(text, f->node->arg);
    return err ? err : (ssize_t)n;
}

// The shell opens with O_TRUNC for ">".
static int gen_truncate(struct file *f, u64)
{
    const struct gen_file *kind = f->node->data;
    if (kind->records)
        kind->records->clear();
    return 0;
}

static void gen_release(struct file *f)
{
    kfree(f->private);
}

static const struct file_ops read_only_ops = {
    .seek = SEEKS_NO_END,
    .read = gen_read,
    .release = gen_release,
};

static const struct file_ops read_write_ops = {
    .seek = SEEKS_NO_END,
    .read = gen_read,
    .write = gen_write,
    .truncate = gen_truncate,
    .release = gen_release,
};

void gen_init(struct node *n, const struct gen_file *kind, u64 arg)
{
    n->fops = kind->store ? &read_write_ops : &read_only_ops;
    n->data = kind;
    n->arg = arg;
}

void gen_show_number(struct text *t, u64 number)
{
    text_add(t, "%lu\n", number);
}

void gen_add(struct node *dir, const struct gen_file *kind, u64 arg)
{
    gen_init(node_add(dir, kind->name, S_IFREG | (kind->store ? 0644 : 0444), NULL), kind, arg);
}

void gen_add_all(struct node *dir, const struct gen_file *kinds, u32 n)
{
    for (u32 i = 0; i < n; i++)
        gen_add(dir, &kinds[i], 0);
}

// ---- the files ----

static void show_meminfo(struct text *t, u64)
{
    text_add(t, "MemTotal:       %8lu kB\n", pages_total * PAGE_KB);
    text_add(t, "MemFree:        %8lu kB\n", pages_free_count() * PAGE_KB);
    text_add(t, "MemAvailable:   %8lu kB\n", pages_free_count() * PAGE_KB);
    text_add(t, "SwapTotal:             0 kB\nSwapFree:              0 kB\n");
    text_add(t, "KernelHeap:     %8lu kB\n", heap_bytes / 1024);
}

static void show_uptime(struct text *t, u64)
{
    u64 up = clock_ns() / 10000000, idle = 0;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        idle += runqueues[cpu].stats.idle_ns / 10000000;
    text_add(t, "%lu.%02lu %lu.%02lu\n", up / 100, up % 100, idle / 100, idle % 100);
}

// CPUID leaves 0x80000002 to 0x80000004 return the name as text (SDM vol. 2, "CPUID").
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

static void show_cpuinfo(struct text *t, u64)
{
    char brand[49];
    u32 r[4];
    cpu_brand(brand);
    cpuid(0, 0, r);
    const u32 vendor[] = {r[1], r[3], r[2]}; // twelve letters
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        if (!cpu_is_online(cpu))
            continue;
        text_add(t, "processor\t: %u\n", cpu);
        text_add(t, "vendor_id\t: %.12s\n", (const char *)vendor);
        text_add(t, "model name\t: %s\n", brand);
        text_add(t, "apicid\t\t: %u\n", cpus[cpu].apic_id);
        text_add(t, "flags\t\t: fpu pae sse sse2 syscall nx lm%s%s%s%s\n\n",
                 cpu_features.smep ? " smep" : "", cpu_features.smap ? " smap" : "",
                 cpu_features.umip ? " umip" : "", cpu_features.pge ? " pge" : "");
    }
}

static void show_sched(struct text *t, u64)
{
    text_add(t, "cpu   switches preemptions migrations_in      ticks    idle_ms\n");
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        const struct sched_stats *s = &runqueues[cpu].stats;
        text_add(t, "%3u %10lu  %10lu    %10lu %10lu %10lu\n", cpu, s->switches, s->preemptions,
                 s->migrations_in, s->ticks, s->idle_ns / 1000000);
    }
}

static void show_kmsg(struct text *t, u64)
{
    u64 flags = irq_save();
    bool taken = log_take();
    t->len = MIN(t->size, MIN(log_end, LOG_SIZE));
    for (size_t i = 0; i < t->len; i++)
        t->buf[i] = log_text[(log_end - t->len + i) % LOG_SIZE];
    if (taken)
        log_release();
    irq_restore(flags);
}

static void show_bp_slots(struct text *t, u64)
{
    text_add(t, "%s\n", slots_name(hwbp_rules()));
}

static int store_bp_slots(const char *text, u64)
{
    return hwbp_set_rules(text);
}

static void show_sample_rate(struct text *t, u64)
{
    text_add(t, "%lu\n", perf_max_sample_rate());
}

static int store_sample_rate(const char *text, u64)
{
    u64 rate;
    return parse_u64(text, &rate) && !perf_set_max_sample_rate(rate) ? 0 : -EINVAL;
}

// The value is kept and shown. It has no effect, because every program is root. The file's
// existence tells programs that there are perf events.
static s32 paranoid = 2;

static void show_paranoid(struct text *t, u64)
{
    text_add(t, "%d\n", paranoid);
}

static int store_paranoid(const char *text, u64)
{
    bool negative = text[0] == '-';
    u64 level;
    if (!parse_u64(text + negative, &level) || level > INT32_MAX)
        return -EINVAL;
    paranoid = negative ? -(s32)level : (s32)level;
    return 0;
}

static void show_sysrq(struct text *t, u64)
{
    text_add(t, "g: stop for gdb\n");
}

// Only the letter g does something. Linux knows more letters.
static int store_sysrq(const char *text, u64)
{
    return text[0] == 'g' && !text[1] ? kgdb_enter() : -EINVAL;
}

void procfs_init(void)
{
    static const struct gen_file files[] = {
        {"cpuinfo", show_cpuinfo, NULL, NULL}, {"kmsg", show_kmsg, NULL, NULL},
        {"meminfo", show_meminfo, NULL, NULL}, {"sched", show_sched, NULL, NULL},
        {"uptime", show_uptime, NULL, NULL},   {"sysrq-trigger", show_sysrq, store_sysrq, NULL},
    };
    static const struct gen_file kernel_files[] = {
        {"perf_event_max_sample_rate", show_sample_rate, store_sample_rate, NULL},
        {"perf_event_paranoid", show_paranoid, store_paranoid, NULL},
    };
    static const struct gen_file max_stack = {"perf_event_max_stack", gen_show_number, NULL, NULL};
    static const struct gen_file hwbp = {"hwbp", hwbp_show, NULL, NULL};
    static const struct gen_file bp_slots = {"bp_slots", show_bp_slots, store_bp_slots, NULL};
    struct node *proc = node_add(fs_root, "proc", S_IFDIR | 0555, &dir_ops), *dir;
    proc->ops = &proc_root_ops;
    gen_add_all(proc, files, ARRAY_SIZE(files));
    if (HWBP)
        gen_add(proc, &hwbp, 0);
    struct node *mounts = node_add(proc, "mounts", S_IFLNK | 0777, NULL);
    mounts->data = "self/mounts";
    mounts->size = strlen(mounts->data);
    node_add(proc, "self", S_IFLNK | 0777, NULL)->ops = &proc_self_ops;
    node_add(proc, "thread-self", S_IFLNK | 0777, NULL)->ops = &proc_thread_self_ops;
    struct node *sys = node_add(proc, "sys", S_IFDIR | 0555, &dir_ops);
    dir = node_add(sys, "kernel", S_IFDIR | 0555, &dir_ops);
    sysctl_init(sys);
    gen_add_all(dir, kernel_files, ARRAY_SIZE(kernel_files));
    CHECKED(debug_files_init(proc, dir));
    proc_kernel_init(proc, dir);
    gen_add(dir, &max_stack, PERF_MAX_STACK);
    if (HWBP)
        gen_add(dir, &bp_slots, 0);
}
