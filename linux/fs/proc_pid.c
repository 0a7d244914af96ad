// /proc/PID for each process and each kernel thread, and /proc/PID/task/TID for each thread. The
// directories are made when they are looked up. proc(5) describes the formats.
#include "linux/base/mutex.h"
#include "linux/fs/procfs.h"
#include "linux/mm/vm.h"
#include "linux/fs/upcalls.h"
#include "linux/task/sigqueue.h"

// Inode numbers: PID_INO + pid * PID_STEP + the number of the file in the directory. The directory
// itself has number 0. They are above all other inode numbers.
#define PID_INO     (1ull << 40)
#define PID_STEP    16
#define NS_PER_TICK 10000000u // times in stat are in ticks of 1/100 s

#define IN_TASK BIT(32) // beside the id in the argument of a thread's directory

struct pid_info {
    u32 pid, tgid, ppid, pgid, sid, threads, cpu, tracer;
    char comm[TASK_COMM_LEN];
    char state;
    u64 start_ns, faults, vsize, rss_pages, tables, switches;
    struct usage used, children;
    u64 pending, shared_pending, blocked, ignored, caught; // signals
    u64 entries_max;                                       // RLIMIT_SIGPENDING
    int exit_signal;
};

// ---- gathering ----

static void measure_mm(struct mm *mm, struct pid_info *info)
{
    mutex_lock_shared(&mm->lock);
    info->faults += mm->minor_faults;
    info->vsize = mm->mapped;
    info->rss_pages = mm->nr_pages;
    info->tables = mm->nr_tables;
    mutex_unlock_shared(&mm->lock);
}

static struct thread *thread_of(struct process *p, u32 tid)
{
    struct thread *th;
    list_for_each (th, &p->threads, node)
        if (th->task->tid == tid)
            return th;
    return NULL;
}

static void describe_signals(struct process *p, const struct thread *th, struct pid_info *info)
{
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    info->shared_pending = p->pending.set;
    info->pending = th ? th->pending.set : 0;
    info->blocked = th ? th->blocked : 0;
    for (int sig = 1; sig <= NSIG; sig++) {
        u64 handler = p->action[sig - 1].handler;
        if (handler == SIG_IGN)
            info->ignored |= SIG_BIT(sig);
        else if (handler != SIG_DFL)
            info->caught |= SIG_BIT(sig);
    }
    spin_unlock_irqrestore(&p->signal_lock, flags);
}

// Fills in what the whole process has used, or in /proc/PID/task one thread.
static void describe_work(struct process *p, struct thread *one, struct pid_info *info)
{
    struct thread *th;
    info->used = one ? thread_usage(one) : process_usage(p);
    list_for_each (th, &p->threads, node) {
        if (one && th != one)
            continue;
        info->cpu = th->task->cpu;
        info->switches += th->task->nr_switches;
    }
}

static void describe_process(struct process *p, bool in_task, struct pid_info *info)
{
    mutex_lock(&proc_lock);
    struct thread *self = thread_of(p, info->pid); // NULL: the first thread, which has ended
    info->tgid = p->pid;
    info->ppid = p->parent && p->parent != p ? p->parent->pid : 0;
    info->tracer = ptrace_tracer_tid(p, self);
    info->pgid = p->pgid;
    info->sid = p->sid;
    info->threads = p->nr_threads;
    info->state = info->pid == p->pid ? process_state(p) : self ? task_state(self->task) : 'X';
    describe_work(p, in_task ? self : NULL, info);
    info->children = p->reaped;
    info->start_ns = p->start_ns;
    info->faults = p->gone.minor_faults;
    info->exit_signal = p->exit_signal;
    info->entries_max = p->limits[RLIMIT_SIGPENDING].soft;
    strcopy(info->comm, self ? self->task->comm : p->comm, sizeof(info->comm));
    describe_signals(p, self, info);
    mutex_unlock(&proc_lock);
    struct mm *mm = process_mm(p);
    if (!mm)
        return;
    measure_mm(mm, info);
    mm_put(mm);
}

// Fills in *info. `id` is the argument of a node. False if there is no such process or thread.
static bool describe(u64 id, struct pid_info *info)
{
    u32 pid = (u32)id;
    struct process *p = process_of(pid);
    *info = (struct pid_info){.pid = pid, .tgid = pid, .threads = 1};
    if (p) {
        describe_process(p, id & IN_TASK, info);
        process_put(p);
        return true;
    }
    struct task *t = task_find(pid);
    if (!t)
        return false;
    bool found = !t->process; // otherwise it has become a process since
    strcopy(info->comm, t->comm, sizeof(info->comm));
    info->state = task_state(t);
    usage_add_task(&info->used, t);
    info->used.system_ns = info->used.runtime_ns;
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
    text_add(t, "%lu 0 0 0 %lu %lu ", i.faults, usage_user_ns(&i.used) / NS_PER_TICK,
             i.used.system_ns / NS_PER_TICK);
    text_add(t, "%lu %lu ", usage_user_ns(&i.children) / NS_PER_TICK,
             i.children.system_ns / NS_PER_TICK);
    text_add(t, "20 0 %u 0 %lu %lu %lu ", i.threads, i.start_ns / NS_PER_TICK, i.vsize,
             i.rss_pages);
    // Fields 25 to 37: limits, addresses and signal sets, which are 0 here.
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
    text_add(t, "Tgid:\t%u\nPid:\t%u\nPPid:\t%u\nTracerPid:\t%u\n", i.tgid, i.pid, i.ppid,
             i.tracer);
    text_add(t, "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nVmSize:\t%8lu kB\n", i.vsize / 1024);
    text_add(t, "VmRSS:\t%8lu kB\nVmPTE:\t%8lu kB\n", i.rss_pages * PAGE_KB, i.tables * PAGE_KB);
    text_add(t, "Threads:\t%u\nSigQ:\t%lu/%lu\n", i.threads, sigpending_entries(), i.entries_max);
    text_add(t, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n", i.pending, i.shared_pending,
             i.blocked);
    text_add(t, "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", i.ignored, i.caught);
    // The scheduler counts both kinds of switches together.
    text_add(t, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t0\n", i.switches);
}

static void show_comm(struct text *t, u64 pid)
{
    struct pid_info i;
    if (describe(pid, &i))
        text_add(t, "%s\n", i.comm);
}

static int store_comm(const char *name, u64 tid)
{
    struct task *t = task_find(tid);
    if (!t)
        return -ESRCH;
    int err = t->process == current_process() ? 0 : -EINVAL;
    if (!err)
        thread_set_name(t, name);
    task_put(t);
    return err;
}

static void show_cmdline(struct text *t, u64 pid)
{
    struct process *p = process_of(pid);
    if (!p)
        return;
    mutex_lock(&proc_lock);
    t->len = p->mm && p->cmdline ? MIN(p->cmdline_len, t->size) : 0;
    memcpy(t->buf, p->cmdline, t->len);
    mutex_unlock(&proc_lock);
    process_put(p);
}

static void show_area(struct text *t, const struct vm_area *a)
{
    struct node *n = a->file ? vfs_node_of_byte(fs_root, a->file) : NULL;
    u64 offset = n ? a->file - (const u8 *)n->data + (a->start - a->shows_at) : 0;
    char path[PROC_PATH_MAX];
    bool named = n && node_path(n, path, sizeof(path)) == 0;
    text_add(t, "%lx-%lx %c%c%c%c %08lx 00:%02u %lu %s\n", a->start, a->end,
             a->prot & PROT_READ ? 'r' : '-', a->prot & PROT_WRITE ? 'w' : '-',
             a->prot & PROT_EXEC ? 'x' : '-', a->shared ? 's' : 'p', offset, n ? FS_DEV : 0,
             n ? n->ino : 0, named ? path : a->name);
}

struct mm *proc_mm(u32 pid)
{
    struct process *p = process_of(pid);
    struct mm *mm = p ? process_mm(p) : NULL;
    process_put(p);
    return mm;
}

// Writes the auxiliary vector, or the environment, as it is in the program's memory now.
static void show_start(struct text *t, u64 pid, bool auxv)
{
    struct mm *mm = proc_mm(pid);
    if (!mm)
        return;
    size_t n = MIN(t->size, auxv ? mm->auxv_len : mm->env_len);
    ssize_t got = mm_access(mm, auxv ? mm->auxv : mm->env, t->buf, n, false, true);
    t->len = MAX(got, 0);
    mm_put(mm);
}

static void show_auxv(struct text *t, u64 pid)
{
    show_start(t, pid, true);
}

static void show_environ(struct text *t, u64 pid)
{
    show_start(t, pid, false);
}

static void show_maps(struct text *t, u64 pid)
{
    struct mm *mm = proc_mm(pid);
    struct vm_area *a;
    if (!mm)
        return;
    mutex_lock_shared(&mm->lock);
    for (a = vm_first(mm); a && t->len < t->size; a = vm_next(a))
        show_area(t, a);
    mutex_unlock_shared(&mm->lock);
    mm_put(mm);
}

static void show_limits(struct text *t, u64 pid)
{
    struct process *p = process_of(pid);
    if (!p)
        return;
    rlimits_show(t, p);
    process_put(p);
}

static int read_cwd(struct node *n, char *buf, size_t size)
{
    struct process *p = process_of(n->arg);
    if (!p)
        return -ENOENT;
    struct node *cwd = process_cwd(p);
    mutex_lock(&fs_tree_lock);
    int err = node_path(cwd, buf, size);
    mutex_unlock(&fs_tree_lock);
    node_put(cwd);
    process_put(p);
    return err ? err : (int)strlen(buf);
}

static int read_exe(struct node *n, char *buf, size_t size)
{
    struct process *p = process_of(n->arg);
    if (!p)
        return -ENOENT;
    mutex_lock(&proc_lock);
    strcopy(buf, p->mm ? p->exe : "", size); // a process that has ended has no file
    mutex_unlock(&proc_lock);
    process_put(p);
    return *buf ? (int)strlen(buf) : -ENOENT;
}

static const struct node_ops cwd_ops = {.readlink = read_cwd}, exe_ops = {.readlink = read_exe};

static const struct node_ops task_dir_ops;

// In the order of their inode numbers.
static const struct pid_file {
    struct gen_file text; // a generated file if it has a `show`, otherwise only a name
    u32 mode;
    const struct node_ops *ops;
    const struct file_ops *fops;
} pid_files[] = {
    {{"auxv", show_auxv, NULL, NULL}, S_IFREG | 0444, NULL, NULL},
    {{"cmdline", show_cmdline, NULL, NULL}, S_IFREG | 0444, NULL, NULL},
    {{"comm", show_comm, store_comm, NULL}, S_IFREG | 0644, NULL, NULL},
    {{"environ", show_environ, NULL, NULL}, S_IFREG | 0444, NULL, NULL},
    {{"limits", show_limits, NULL, NULL}, S_IFREG | 0444, NULL, NULL},
    {{"maps", show_maps, NULL, NULL}, S_IFREG | 0444, NULL, NULL},
    {{"mounts", show_mounts, NULL, NULL}, S_IFREG | 0444, NULL, NULL},
    {{"stat", show_stat, NULL, NULL}, S_IFREG | 0444, NULL, NULL},
    {{"status", show_status, NULL, NULL}, S_IFREG | 0444, NULL, NULL},
    {{.name = "cwd"}, S_IFLNK | 0777, &cwd_ops, NULL},
    {{.name = "exe"}, S_IFLNK | 0777, &exe_ops, NULL},
    {{.name = "fd"}, S_IFDIR | 0500, &proc_fd_ops, NULL},
    {{.name = "mem"}, S_IFREG | 0600, NULL, &proc_mem_ops},
    {{.name = "task"}, S_IFDIR | 0555, &task_dir_ops, NULL},
};
_Static_assert(ARRAY_SIZE(pid_files) < PID_STEP, "inode numbers of one process");

// How many of these files a directory has. A thread's directory lacks the last one.
static u32 nr_files(const struct node *dir)
{
    return ARRAY_SIZE(pid_files) - (dir->arg & IN_TASK ? 1 : 0);
}

static bool pid_next(struct node *dir, u64 after, struct dir_entry *e)
{
    u64 index = after > dir->ino ? after - dir->ino : 0;
    if (index >= nr_files(dir))
        return false;
    e->mode = pid_files[index].mode;
    e->ino = dir->ino + index + 1;
    strcopy(e->name, pid_files[index].text.name, sizeof(e->name));
    return true;
}

static struct node *pid_lookup(struct node *dir, const char *name, size_t len)
{
    for (u32 i = 0; i < nr_files(dir); i++) {
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

// ---- /proc itself, and /proc/PID/task ----

bool parse_id(const char *name, size_t len, u32 *id)
{
    u64 value = 0;
    if (len == 0 || len > 9 || (*name == '0' && len > 1))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        value = value * 10 + (name[i] - '0');
    }
    *id = value;
    return true;
}

// The directory of a thread of process `tgid`, or, with tgid 0, of any process.
static struct node *lookup_pid(struct node *dir, const char *name, size_t len, u32 tgid)
{
    struct pid_info info;
    u32 pid;
    if (!parse_id(name, len, &pid) || !pid || !describe(pid, &info) || (tgid && info.tgid != tgid))
        return NULL;
    struct node *n = node_new(dir, name, len, S_IFDIR | 0555, PID_INO + (u64)pid * PID_STEP);
    if (!n)
        return ERR_PTR(-ENOMEM);
    n->ops = &pid_dir_ops;
    n->arg = pid | (tgid ? IN_TASK : 0);
    return n;
}

static struct node *root_lookup(struct node *dir, const char *name, size_t len)
{
    return lookup_pid(dir, name, len, 0);
}

static struct node *task_lookup(struct node *dir, const char *name, size_t len)
{
    struct process *p = process_of(dir->arg);
    if (!p)
        return NULL;
    u32 tgid = p->pid;
    process_put(p);
    return lookup_pid(dir, name, len, tgid);
}

// The search for the smallest id above `after`.
struct next_pid {
    u32 after, best; // best 0: none yet
};

static void consider(struct next_pid *next, u32 pid)
{
    if (pid > next->after && (!next->best || pid < next->best))
        next->best = pid;
}

static void consider_kernel_thread(struct task *t, void *arg)
{
    if (!t->process)
        consider(arg, t->tid);
}

static struct next_pid behind(u64 ino)
{
    return (struct next_pid){.after = ino >= PID_INO ? (ino - PID_INO) / PID_STEP : 0};
}

static bool fill(struct dir_entry *e, const struct next_pid *next)
{
    e->ino = PID_INO + (u64)next->best * PID_STEP;
    e->mode = S_IFDIR | 0555;
    snprintf(e->name, sizeof(e->name), "%u", next->best);
    return next->best;
}

static bool root_next(struct node *, u64 after, struct dir_entry *e)
{
    struct next_pid next = behind(after);
    mutex_lock(&proc_lock);
    const struct process *p = process_from(next.after + 1);
    if (p)
        consider(&next, p->pid);
    mutex_unlock(&proc_lock);
    task_for_each(consider_kernel_thread, &next);
    return fill(e, &next);
}

// The first thread is listed as long as the process is there.
static bool task_next(struct node *dir, u64 after, struct dir_entry *e)
{
    struct next_pid next = behind(after);
    struct process *p = process_of(dir->arg);
    struct thread *th;
    if (!p)
        return false;
    mutex_lock(&proc_lock);
    consider(&next, p->pid);
    list_for_each (th, &p->threads, node)
        consider(&next, th->task->tid);
    mutex_unlock(&proc_lock);
    process_put(p);
    return fill(e, &next);
}

const struct node_ops proc_root_ops = {.lookup = root_lookup, .next = root_next};
static const struct node_ops task_dir_ops = {.lookup = task_lookup, .next = task_next};

static int read_self(struct node *, char *buf, size_t size)
{
    struct process *p = current_process();
    return p ? snprintf(buf, size, "%u", p->pid) : -ENOENT;
}

const struct node_ops proc_self_ops = {.readlink = read_self};

static int read_thread_self(struct node *, char *buf, size_t size)
{
    struct process *p = current_process();
    return p ? snprintf(buf, size, "%u/task/%u", p->pid, current_task()->tid) : -ENOENT;
}

const struct node_ops proc_thread_self_ops = {.readlink = read_thread_self};
