// The init process, and how the kernel starts a program.
#include "linux/proc/init.h"

#include "kernel/base/printk.h"
#include "linux/fs/console.h"
#include "linux/fs/upcalls.h"
#include "linux/proc/exec.h"
#include "linux/proc/oom.h"
#include "linux/proc/life.h"

#define INIT_PID         1
#define STATUS_NOT_FOUND 127 // shells use this status when a program could not be started

// ---- signals from interrupts, where the list of processes is out of reach ----

static u64 console_signals; // the signals that were typed and not sent yet
static bool alarms;         // an interval timer of some process is due
static bool typed;          // many tasks wait for what was typed
static struct wait_queue init_queue;

void console_signal(int sig)
{
    __atomic_or_fetch(&console_signals, SIG_BIT(sig), __ATOMIC_SEQ_CST);
    wake_all(&init_queue);
}

static void note(bool *what)
{
    __atomic_store_n(what, true, __ATOMIC_SEQ_CST);
    wake_all(&init_queue);
}

void init_alarm(void)
{
    note(&alarms);
}

void console_wake_rest(void)
{
    note(&typed);
}

static void send_console_signals(u64 set)
{
    u32 group = console_foreground();
    mutex_lock(&proc_lock);
    for (int sig = 1; sig <= NSIG && group; sig++)
        if (set & SIG_BIT(sig))
            signal_group(group, sig, NULL);
    mutex_unlock(&proc_lock);
}

static void init_main(void *)
{
    for (;;) {
        wait_event(&init_queue, __atomic_load_n(&alarms, __ATOMIC_SEQ_CST) ||
                                    __atomic_load_n(&typed, __ATOMIC_SEQ_CST) ||
                                    __atomic_load_n(&console_signals, __ATOMIC_SEQ_CST));
        send_console_signals(__atomic_exchange_n(&console_signals, 0, __ATOMIC_SEQ_CST));
        if (__atomic_exchange_n(&typed, false, __ATOMIC_SEQ_CST))
            console_wake();
        if (__atomic_exchange_n(&alarms, false, __ATOMIC_SEQ_CST))
            itimers_check();
    }
}

void proc_init(void)
{
    oom_init();
    processes_init();
    wait_init(&init_queue);
    struct task *t = task_new("init", init_main, NULL, CPUMASK_ALL);
    init_process = process_new();
    if (!t || !init_process || thread_attach(t, init_process))
        panic("proc: no memory for the init process");
    task_take_tid(t, INIT_PID);
    mutex_lock(&proc_lock);
    process_link(init_process, init_process, t);
    init_process->pgid = init_process->sid = INIT_PID;
    mutex_unlock(&proc_lock);
    task_start(t);
    task_put(t);
}

// ---- the first program ----

struct start {
    struct exec_args args;
    const char *path;
    int err;
};

static int standard_files(struct fd_table *fds)
{
    struct file *console = vfs_open(fs_root, "/dev/console", O_RDWR, 0);
    if (IS_ERR(console))
        return PTR_ERR(console);
    for (int i = 0; i < 3; i++) {
        file_get(console);
        int fd = fd_install(fds, console, false, 0);
        ASSERT(fd == i);
    }
    file_put(console);
    return 0;
}

// The first function of the new task. The task becomes the program, or ends at once.
static void start_program(void *arg)
{
    struct start *s = arg;
    irq_enable();
    s->err = exec_program(s->path, &s->args);
    if (s->err)
        process_exit(WAIT_EXITED(STATUS_NOT_FOUND));
    log_stage("the first program begins");
    return_to_user(context_user_frame(&current_task()->arch));
}

static int collect_args(struct exec_args *a, int argc, char **argv)
{
    static const char *const env[] = {"PATH=/bin", "HOME=/", "TERM=linux"};
    int err = 0;
    for (int i = 0; i < argc && !err; i++)
        err = args_add(a, argv[i], false);
    for (size_t i = 0; i < ARRAY_SIZE(env) && !err; i++)
        err = args_add(a, env[i], true);
    return err;
}

// Starts the program in a process, a group and a session of its own, in the console's foreground. 0
// or -errno.
static int start(struct start *s, struct process **out)
{
    struct task *t = task_new("start", start_program, s, CPUMASK_ALL);
    struct process *p = process_new();
    int err = -ENOMEM;
    if (!t || !p)
        goto fail;
    p->fds = fds_new();
    if (!p->fds)
        goto fail;
    err = standard_files(p->fds);
    if (!err)
        err = thread_attach(t, p);
    if (err)
        goto fail;
    p->keep_zombie = p->unkillable = true;
    process_get(p);
    mutex_lock(&proc_lock);
    process_link(p, init_process, t);
    p->pgid = p->sid = p->pid;
    mutex_unlock(&proc_lock);
    console_set_foreground(p->pid);
    task_start(t);
    task_put(t);
    *out = p;
    return 0;
fail:
    if (t)
        task_put(t);
    if (p)
        process_release_unused(p);
    return err;
}

int proc_run_init(const char *path, int argc, char **argv)
{
    struct start s = {.path = path};
    struct process *p;
    int status = collect_args(&s.args, argc, argv);
    if (!status)
        status = start(&s, &p);
    if (!status) {
        wait_event(&init_process->child_wait, proc_read(&p->zombie));
        status = s.err ? s.err : p->exit_status;
        mutex_lock(&proc_lock);
        process_reap(p);
        mutex_unlock(&proc_lock);
        process_put(p);
        console_set_foreground(0);
    }
    args_free(&s.args);
    return status;
}
