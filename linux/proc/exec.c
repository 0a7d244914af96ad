// execve: another program in the same process. Everything that can fail comes first, and changes
// nothing of the old program. Then comes the point of no return. Nothing after it can fail.
#include "linux/proc/exec.h"

#include "arch/x86/uaccess.h"
#include "arch/x86/user/fpu.h"
#include "arch/x86/user/user_regs.h"
#include "kernel/mm/heap.h"
#include "linux/fs/vfs.h"
#include "linux/mm/vm.h"
#include "linux/proc/life.h"
#include "linux/task/signal_state.h"
#include "linux/proc/syscalls.h"
#include "linux/ptrace/ptrace.h"
#include "linux/perf/perf.h"
#include "linux/perf/record.h"
#include "sched/upcalls.h"

#define MAX_SCRIPTS     4 // how many interpreters may be scripts themselves
#define SCRIPT_LINE_MAX 256
#define RFLAGS_FIXED    BIT(1)

// Everything that is ready before the point of no return.
struct new_program {
    struct mm *mm;
    struct fd_table *fds;     // an empty table if the old one is or could become shared, else NULL
    const struct node *image; // in the archive, so it stays without a reference
    char *cmdline;
    char exe[PROC_PATH_MAX];
    u64 entry, sp;
};

static char *skip_blanks(char *s)
{
    while (*s == ' ' || *s == '\t')
        s++;
    return s;
}

// Parses the first line of a script, "#! interpreter [argument]". Returns how many parts there are,
// or -ENOEXEC. The parts point into `line`.
static int parse_script(const u8 *data, u64 len, char line[SCRIPT_LINE_MAX], const char *part[2])
{
    size_t n = 0;
    while (n < len && n < SCRIPT_LINE_MAX - 1 && data[n] != '\n')
        n++;
    memcpy(line, data, n);
    line[n] = '\0';
    while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'))
        line[--n] = '\0';
    char *s = skip_blanks(line + 2);
    if (!*s)
        return -ENOEXEC;
    part[0] = s;
    while (*s && *s != ' ' && *s != '\t')
        s++;
    if (!*s)
        return 1;
    *s++ = '\0';
    part[1] = skip_blanks(s);
    return 2;
}

// Opens a regular file of the archive, whose bytes never change. Returns it with a reference, or
// ERR_PTR. A file of /tmp is refused. A line in the log says why, because the errno does not.
static struct node *open_image(const char *name)
{
    struct node *cwd = process_cwd(current_process());
    struct node *n = vfs_lookup(cwd, name, true);
    node_put(cwd);
    if (IS_ERR(n) || (n->fops == &bytes_ops && (n->mode & 0111)))
        return n;
    if (n->tmp && node_is(n, S_IFREG) && (n->mode & 0111))
        printk("exec: %s lies in /tmp; only programs of the archive run\n", name);
    node_put(n);
    return ERR_PTR(-EACCES);
}

// Puts the interpreter in front of the arguments, and its path into `name`.
static int enter_script(const struct node *n, struct exec_args *a, char name[PROC_PATH_MAX])
{
    char line[SCRIPT_LINE_MAX];
    const char *args[3]; // the parts of the line, then the script's path
    int parts = parse_script(n->data, n->size, line, args);
    if (parts < 0)
        return parts;
    args[parts] = name;
    int err = args_prepend(a, args, parts + 1);
    strcopy(name, args[0], PROC_PATH_MAX);
    return err;
}

// The ELF file to load, with a reference, or ERR_PTR. For a script it is the interpreter, and the
// arguments change.
static struct node *find_image(const char *path, struct exec_args *a)
{
    char name[PROC_PATH_MAX];
    strcopy(name, path, PROC_PATH_MAX);
    for (int i = 0; i <= MAX_SCRIPTS; i++) {
        struct node *n = open_image(name);
        if (IS_ERR(n) || n->size < 2 || memcmp(n->data, "#!", 2))
            return n;
        int err = enter_script(n, a, name);
        node_put(n);
        if (err)
            return ERR_PTR(err);
    }
    return ERR_PTR(-ELOOP);
}

static void discard(struct new_program *new)
{
    mm_put(new->mm);
    fds_put(new->fds);
    kfree(new->cmdline);
}

static int prepare(const char *path, struct exec_args *a, struct new_program *new)
{
    struct process *p = current_process();
    struct elf_image img;
    struct node *n = find_image(path, a);
    if (IS_ERR(n))
        return PTR_ERR(n);
    const u8 *data = n->data;
    u64 len = n->size;
    int err = node_path(n, new->exe, sizeof(new->exe));
    node_put(n);
    if (err)
        return err;
    new->mm = mm_new();
    new->cmdline = kalloc(a->argv_len);
    if (!new->mm || !new->cmdline)
        return -ENOMEM;
    memcpy(new->cmdline, a->buf, a->argv_len);
    err = elf_load(new->mm, data, len, &img);
    if (!err)
        err = stack_build(new->mm, a, path, &img, &new->sp);
    if (err)
        return err;
    new->image = n;
    new->entry = img.entry;
    new->mm->brk_start = new->mm->brk = img.end;
    if (p->fds->refs.n == 1 && p->nr_threads == 1)
        return 0;
    new->fds = fds_new();
    return new->fds ? 0 : -ENOMEM;
}

// Gives the program a table of its own if another process uses the old one, too. No other thread is
// left that could share the table now.
static void unshare_files(const struct process *p, struct new_program *new)
{
    if (!new->fds)
        return;
    if (p->fds->refs.n > 1) {
        fds_fill(new->fds, p->fds);
    } else {
        fds_put(new->fds);
        new->fds = NULL;
    }
}

static void kill_other(struct thread *th, void *)
{
    if (th->task != current_task())
        signal_kill_thread(th, NULL);
}

// Ends all other threads. -EAGAIN if the process is ending, or if the exec of another thread came
// first.
static int become_only_thread(struct process *p, struct task *self)
{
    mutex_lock(&proc_lock);
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    bool late = p->exiting || p->exec_task;
    if (!late)
        p->exec_task = self;
    spin_unlock_irqrestore(&p->signal_lock, flags);
    if (!late)
        signal_each_thread(p, kill_other, NULL);
    mutex_unlock(&proc_lock);
    if (late)
        return -EAGAIN;
    flags = spin_lock_irqsave(&p->signal_lock);
    while (p->nr_threads > 1) {
        self->state = TASK_WAITING; // the last thread that ends wakes this one, under the same lock
        spin_unlock_irqrestore(&p->signal_lock, flags);
        schedule();
        flags = spin_lock_irqsave(&p->signal_lock);
    }
    p->exec_task = NULL;
    spin_unlock_irqrestore(&p->signal_lock, flags);
    return 0;
}

// A program begins with its process's first thread. So the thread that calls exec takes the id of
// the first one.
static void become_leader(struct process *p, struct task *self)
{
    if (self->tid == p->pid)
        return;
    mutex_lock(&proc_lock);
    task_take_tid(self, p->pid);
    struct tracee *old = ptrace_become_leader(p);
    mutex_unlock(&proc_lock);
    ptrace_free(old);
}

static void reset_signals(struct process *p, struct thread *th)
{
    u64 flags = spin_lock_irqsave(&p->signal_lock);
    for (int i = 0; i < NSIG; i++) {
        u64 handler = p->action[i].handler;
        p->action[i] = (struct sigaction){.handler = handler == SIG_IGN ? SIG_IGN : SIG_DFL};
    }
    spin_unlock_irqrestore(&p->signal_lock, flags);
    th->altstack = th->altstack_size = th->altstack_flags = 0;
    th->clear_child_tid = th->robust_list = 0;
    th->restore_mask = false;
}

static void switch_memory(struct task *t, struct mm *mm)
{
    u64 flags = irq_save();
    t->mm = mm;
    mm_activate(mm);
    context_load_selectors(0);
    wrmsr(MSR_FS_BASE, 0);
    wrmsr(MSR_KERNEL_GS_BASE, 0);
    fpu_init_state(t->arch.fpu);
    fpu_load_current(t->arch.fpu);
    irq_restore(flags);
}

// Tells perf the new name and the mappings of the program.
static void tell_perf(struct mm *mm, const struct node *image, const char *exe)
{
    struct vm_area *a;
    perf_record_comm(true);
    if (!perf_record_wanted())
        return;
    for (a = vm_first(mm); a; a = vm_next(a)) { // no lock: nobody else has this address space yet
        u64 at = a->file ? (u64)(a->file - (const u8 *)image->data) : 0;
        perf_record_mmap(&(struct perf_mapping){
            .addr = a->start,
            .len = a->end - a->start,
            .offset = a->file ? at + a->start - a->shows_at : 0,
            .prot = a->prot,
            .flags = MAP_PRIVATE,
            .minor = a->file ? FS_DEV : 0,
            .ino = a->file ? image->ino : 0,
            .path = a->file      ? exe
                    : a->name[0] ? a->name
                                 : NULL,
        });
    }
}

static const char *base_name(const char *path)
{
    const char *base = path;
    for (const char *s = path; *s; s++)
        if (*s == '/')
            base = s + 1;
    return base;
}

// Parts of the old program that are given back. NULL: there was no such part, or it is kept.
struct old_program {
    struct mm *mm;
    struct fd_table *fds;
    char *cmdline;
};

static struct old_program replace_program(struct task *t, const char *path,
                                          const struct exec_args *a, const struct new_program *new)
{
    struct process *p = t->process;
    const char *base = base_name(path);
    mutex_lock(&proc_lock);
    struct old_program old = {p->mm, new->fds ? p->fds : NULL, p->cmdline};
    strcopy(t->comm, base, sizeof(t->comm));
    strcopy(p->comm, base, sizeof(p->comm));
    memcpy(p->exe, new->exe, sizeof(p->exe));
    p->cmdline = new->cmdline;
    p->cmdline_len = a->argv_len;
    p->mm = new->mm;
    if (new->fds)
        p->fds = new->fds;
    if (old.mm)
        usage_add_mm(&p->gone, old.mm);
    p->has_execed = true;
    p->unknown_syscall_logged = false;
    mutex_unlock(&proc_lock);
    return old;
}

static void commit(const char *path, const struct exec_args *a, struct new_program *new)
{
    struct task *t = current_task();
    struct process *p = t->process;
    unshare_files(p, new);
    ptrace_flush();
    become_leader(p, t);
    struct thread *th = t->thread;
    perf_exec(t);
    thread_leaves_words(t);

    struct old_program old = replace_program(t, path, a, new);
    switch_memory(t, new->mm);
    tell_perf(new->mm, new->image, p->exe);
    reset_signals(p, th);
    vfork_release(th);
    mm_put(old.mm);
    fds_put(old.fds);
    fds_close_on_exec(p->fds);
    kfree(old.cmdline);

    struct trapframe *f = context_user_frame(&t->arch);
    *f = (struct trapframe){
        .rip = new->entry,
        .rsp = new->sp,
        .cs = USER_CS,
        .ss = USER_DS,
        .rflags = RFLAGS_IF | RFLAGS_FIXED,
    };
}

int exec_program(const char *path, struct exec_args *a)
{
    struct new_program new = {0};
    int err = prepare(path, a, &new);
    if (!err)
        err = become_only_thread(current_process(), current_task());
    if (err)
        discard(&new);
    else
        commit(path, a, &new);
    return err;
}

s64 sys_execve(struct trapframe *f, u64 upath, u64 uargv, u64 uenvp)
{
    char path[PROC_PATH_MAX];
    struct exec_args args = {0};
    u32 tid = current_task()->tid;
    ssize_t n = strncpy_from_user(path, upath, sizeof(path));
    if (n < 0)
        return n;
    int err = args_add_user(&args, uargv, false);
    if (!err && !args.argc)
        err = args_add(&args, "", false); // argv[0] is always there, as on Linux
    if (!err)
        err = args_add_user(&args, uenvp, true);
    if (!err)
        err = exec_program(path, &args);
    args_free(&args);
    if (err)
        return err;
    f->vector = VECTOR_SYSCALL; // in the new program's frame a tracer still sees the call
    f->error = SYS_execve;
    f->rax = -ENOSYS;
    ptrace_exec(tid);
    return 0;
}
