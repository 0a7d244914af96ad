// /proc/PID: one directory for each process and each kernel thread, made when it is looked up.
// Formats as in proc(5).
#include "arch/x86/paging.h"
#include "arch/x86/platform.h"
#include "kernel/base/printk.h"
#include "kernel/base/string.h"
#include "kernel/debug/ptrace/ptrace.h"
#include "kernel/fs/procfs.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/vm.h"
#include "kernel/proc/process.h"

// Inode numbers above all others: PID_INO + pid * PID_STEP + number of the file in it, 0 for the
// directory.
#define PID_INO     (1ull << 40)
#define PID_STEP    16
#define NS_PER_TICK 10000000u // times in stat are in ticks of 1/100 s

struct pid_info {
    u32 pid, ppid, pgid, sid, threads, cpu, tracer;
    char comm[TASK_COMM_LEN];
    char state;
    u64 runtime_ns, children_ns, start_ns, faults, vsize, rss_pages, switches;
    int exit_signal;
};

// ---- gathering ----

static void count_page(u64, u64 *, void *arg)
{
    ++*(u64 *)arg;
}

static void measure_mm(struct mm *mm, struct pid_info *info)
{
    struct vm_area *area;
    spin_lock(&mm->lock);
    info->faults += mm->minor_faults;
    list_for_each (area, &mm->areas, node)
        info->vsize += area->end - area->start;
    paging_for_each(mm->root, 0, TASK_SIZE_MAX, count_page, &info->rss_pages);
    spin_unlock(&mm->lock);
}

static void describe_process(struct process *p, struct pid_info *info)
{
    struct thread *th;
    spin_lock(&proc_lock);
    info->ppid = p->parent && p->parent != p ? p->parent->pid : 0;
    info->tracer = ptrace_tracer_tid(p);
    info->pgid = p->pgid;
    info->sid = p->sid;
    info->threads = p->nr_threads;
    info->state = process_state(p);
    info->runtime_ns = process_runtime(p);
    info->children_ns = p->children_runtime_ns;
    info->start_ns = p->start_ns;
    info->faults = p->minor_faults;
    info->exit_signal = p->exit_signal;
    strcopy(info->comm, p->comm, sizeof(info->comm));
    list_for_each (th, &p->threads, node) {
        info->cpu = th->task->cpu;
        info->switches += th->task->nr_switches;
    }
    spin_unlock(&proc_lock);
    struct mm *mm = process_mm(p);
    if (!mm)
        return;
    measure_mm(mm, info);
    mm_put(mm);
}

// False if there is no such process or kernel thread.
static bool describe(u32 pid, struct pid_info *info)
{
    struct process *p = process_find(pid);
    struct task *t;
    bool found;
    *info = (struct pid_info){.pid = pid, .threads = 1};
    if (p) {
        describe_process(p, info);
        process_put(p);
        return true;
    }
    t = task_find(pid);
    if (!t)
        return false;
    found = !t->process; // other threads of a process have no directory of their own
    strcopy(info->comm, t->comm, sizeof(info->comm));
    info->state = task_state(t);
    info->runtime_ns = task_runtime(t);
    info->cpu = t->cpu;
    info->switches = t->nr_switches;
    task_put(t);
    return found;
}

// ---- the files ----

static void show_stat(struct text *t, u64 pid)
{
    struct pid_info i;
    if (!describe(pid, &i))
        return;
    text_add(t, "%u (%s) %c %u %u %u 0 -1 0 ", i.pid, i.comm, i.state, i.ppid, i.pgid, i.sid);
    text_add(t, "%lu 0 0 0 %lu 0 %lu 0 ", i.faults, i.runtime_ns / NS_PER_TICK,
             i.children_ns / NS_PER_TICK);
    text_add(t, "20 0 %u 0 %lu %lu %lu ", i.threads, i.start_ns / NS_PER_TICK, i.vsize,
             i.rss_pages);
    // Fields 25 to 37: limits, addresses and signal sets that nobody but root may see anyway.
    text_add(t, "0 0 0 0 0 0 0 0 0 0 0 0 0 ");
    text_add(t, "%d %u 0 0 0 0 0 0 0 0 0 0 0 0 0\n", i.exit_signal, i.cpu);
}

static const char *state_word(char state)
{
    static const char words[] = "Rrunning\0Ssleeping\0Ddisk sleep\0Tstopped\0"
                                "ttracing stop\0Zzombie\0";
    const char *w = words;
    while (*w && *w != state)
        w += strlen(w) + 1;
    return *w ? w + 1 : "dead";
}

static void show_status(struct text *t, u64 pid)
{
    struct pid_info i;
    if (!describe(pid, &i))
        return;
    text_add(t, "Name:\t%s\nState:\t%c (%s)\n", i.comm, i.state, state_word(i.state));
    text_add(t, "Tgid:\t%u\nPid:\t%u\nPPid:\t%u\nTracerPid:\t%u\n", i.pid, i.pid, i.ppid, i.tracer);
    text_add(t, "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n");
    text_add(t, "VmSize:\t%8lu kB\nVmRSS:\t%8lu kB\n", i.vsize / 1024,
             i.rss_pages * (unsigned long)PAGE_SIZE / 1024);
    text_add(t, "Threads:\t%u\n", i.threads);
    // The scheduler counts both kinds together.
    text_add(t, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t0\n", i.switches);
}

static void show_comm(struct text *t, u64 pid)
{
    struct pid_info i;
    if (describe(pid, &i))
        text_add(t, "%s\n", i.comm);
}

static void show_cmdline(struct text *t, u64 pid)
{
    struct process *p = process_find(pid);
    if (!p)
        return;
    spin_lock(&proc_lock);
    t->len = p->cmdline ? MIN(p->cmdline_len, t->size) : 0;
    memcpy(t->buf, p->cmdline, t->len);
    spin_unlock(&proc_lock);
    process_put(p);
}

static void show_area(struct text *t, const struct vm_area *a)
{
    struct node *n = a->file ? vfs_node_of_byte(fs_root, a->file) : NULL;
    u64 offset = n ? a->file - (const u8 *)n->data + (a->start - a->file_at) : 0;
    char path[PROC_PATH_MAX];
    bool named = n && node_path(n, path, sizeof(path)) == 0;
    text_add(t, "%lx-%lx %c%c%c%c %08lx 00:%02u %lu %s\n", a->start, a->end,
             a->prot & PROT_READ ? 'r' : '-', a->prot & PROT_WRITE ? 'w' : '-',
             a->prot & PROT_EXEC ? 'x' : '-', a->shared ? 's' : 'p', offset, n ? 1 : 0,
             n ? n->ino : 0, named ? path : a->name);
}

struct mm *proc_mm(u32 pid)
{
    struct process *p = process_find(pid);
    struct mm *mm = p ? process_mm(p) : NULL;
    if (p)
        process_put(p);
    return mm;
}

static void show_maps(struct text *t, u64 pid)
{
    struct mm *mm = proc_mm(pid);
    struct vm_area *a;
    if (!mm)
        return;
    spin_lock(&mm->lock);
    list_for_each (a, &mm->areas, node)
        show_area(t, a);
    spin_unlock(&mm->lock);
    mm_put(mm);
}

static int read_cwd(struct node *n, char *buf, size_t size)
{
    struct process *p = process_find(n->arg);
    if (!p)
        return -ENOENT;
    struct node *cwd = process_cwd(p);
    int err = node_path(cwd, buf, size);
    node_put(cwd);
    process_put(p);
    return err ? err : (int)strlen(buf);
}

static int read_exe(struct node *n, char *buf, size_t size)
{
    struct process *p = process_find(n->arg);
    if (!p)
        return -ENOENT;
    spin_lock(&proc_lock);
    strcopy(buf, p->exe, size);
    spin_unlock(&proc_lock);
    process_put(p);
    return *buf ? (int)strlen(buf) : -ENOENT;
}

static const struct node_ops cwd_ops = {.readlink = read_cwd}, exe_ops = {.readlink = read_exe};

// In the order of their inode numbers.
static const struct pid_file {
    struct gen_file text; // with `show`: a generated file; else only its name
    u32 mode;
    const struct node_ops *ops;
    const struct file_ops *fops;
} pid_files[] = {
    {{"cmdline", show_cmdline, NULL, NULL}, S_IFREG | 0444, NULL, NULL},
    {{"comm", show_comm, NULL, NULL}, S_IFREG | 0444, NULL, NULL},
    {{"maps", show_maps, NULL, NULL}, S_IFREG | 0444, NULL, NULL},
    {{"stat", show_stat, NULL, NULL}, S_IFREG | 0444, NULL, NULL},
    {{"status", show_status, NULL, NULL}, S_IFREG | 0444, NULL, NULL},
    {{.name = "cwd"}, S_IFLNK | 0777, &cwd_ops, NULL},
    {{.name = "exe"}, S_IFLNK | 0777, &exe_ops, NULL},
    {{.name = "mem"}, S_IFREG | 0600, NULL, &proc_mem_ops},
};
_Static_assert(ARRAY_SIZE(pid_files) < PID_STEP, "inode numbers of one process");

static bool pid_next(struct node *dir, u64 after, struct dir_entry *e)
{
    u64 index = after > dir->ino ? after - dir->ino : 0;
    if (index >= ARRAY_SIZE(pid_files))
        return false;
    e->mode = pid_files[index].mode;
    e->ino = dir->ino + index + 1;
    strcopy(e->name, pid_files[index].text.name, sizeof(e->name));
    return true;
}

static struct node *pid_lookup(struct node *dir, const char *name, size_t len)
{
    for (u32 i = 0; i < ARRAY_SIZE(pid_files); i++) {
        const struct pid_file *f = &pid_files[i];
        if (strncmp(f->text.name, name, len) != 0 || f->text.name[len] != '\0')
            continue;
        struct node *n = node_new(dir, name, len, f->mode, dir->ino + i + 1);
        if (!n)
            return ERR_PTR(-ENOMEM);
        n->arg = dir->arg;
        n->ops = f->ops;
        if (f->text.show)
            gen_init(n, &f->text, n->arg);
        else if (f->fops)
            n->fops = f->fops;
        return n;
    }
    return NULL;
}

static const struct node_ops pid_dir_ops = {.lookup = pid_lookup, .next = pid_next};

// ---- /proc itself ----

static bool parse_pid(const char *name, size_t len, u32 *pid)
{
    u64 value = 0;
    if (len == 0 || len > 9 || *name == '0')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        value = value * 10 + (name[i] - '0');
    }
    *pid = value;
    return true;
}

static struct node *root_lookup(struct node *dir, const char *name, size_t len)
{
    struct pid_info info;
    struct node *n;
    u32 pid;
    if (!parse_pid(name, len, &pid) || !describe(pid, &info))
        return NULL;
    n = node_new(dir, name, len, S_IFDIR | 0555, PID_INO + (u64)pid * PID_STEP);
    if (!n)
        return ERR_PTR(-ENOMEM);
    n->ops = &pid_dir_ops;
    n->arg = pid;
    return n;
}

// The smallest id above `after`.
struct next_pid {
    u32 after, best; // best 0: none yet
};

static void consider(struct next_pid *next, u32 pid)
{
    if (pid > next->after && (!next->best || pid < next->best))
        next->best = pid;
}

static void consider_process(struct process *p, void *arg)
{
    consider(arg, p->pid);
}

static void consider_kernel_thread(struct task *t, void *arg)
{
    if (!t->process)
        consider(arg, t->tid);
}

static bool root_next(struct node *, u64 after, struct dir_entry *e)
{
    struct next_pid next = {.after = after >= PID_INO ? (after - PID_INO) / PID_STEP : 0};
    process_for_each(consider_process, &next);
    task_for_each(consider_kernel_thread, &next);
    if (!next.best)
        return false;
    e->ino = PID_INO + (u64)next.best * PID_STEP;
    e->mode = S_IFDIR | 0555;
    snprintf(e->name, sizeof(e->name), "%u", next.best);
    return true;
}

const struct node_ops proc_root_ops = {.lookup = root_lookup, .next = root_next};

static int read_self(struct node *, char *buf, size_t size)
{
    struct process *p = current_process();
    return p ? snprintf(buf, size, "%u", p->pid) : -ENOENT;
}

const struct node_ops proc_self_ops = {.readlink = read_self};
