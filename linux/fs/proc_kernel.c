// Small files about the kernel (proc(5)). C libraries, perf and test suites read them before they
// begin. They are /proc/kallsyms, /proc/loadavg, and words in /proc/sys/kernel.
#include "kernel/base/ksym.h"
#include "linux/fs/procfs.h"
#include "linux/task/process.h"

static void show_symbol(struct text *t, u64 addr, const char *name)
{
    bool code = addr >= (u64)__text_start && addr < (u64)__text_end;
    text_add(t, "%016lx %c %s\n", addr, code ? 'T' : 'D', name);
}

static void show_kallsyms(struct text *t, u64)
{
    show_symbol(t, (u64)__text_start, "_stext"); // perf takes it for the kernel's beginning
    for (u32 i = 0; i < ksym_count && t->len < t->size && !sched_killed(); i++)
        show_symbol(t, ksym_table[i].addr, ksym_names + ksym_table[i].name);
}

// dr7 does not compute averages.
static void show_loadavg(struct text *t, u64)
{
    u32 running = 0, all = 0;
    mutex_lock(&proc_lock);
    for (struct process *p = process_next(NULL); p; p = process_next(p)) {
        struct thread *th;
        list_for_each (th, &p->threads, node)
            running += task_state(th->task) == 'R';
        all += p->nr_threads;
    }
    mutex_unlock(&proc_lock);
    text_add(t, "0.00 0.00 0.00 %u/%u %u\n", running, all, tid_last());
}

static void show_core_pattern(struct text *t, u64)
{
    text_add(t, "core\n");
}

static void show_last_pid(struct text *t, u64)
{
    text_add(t, "%u\n", tid_last());
}

static int store_last_pid(const char *text, u64)
{
    u64 tid;
    if (!parse_u64(text, &tid) || tid >= MAX_TID)
        return -EINVAL;
    tid_set_last((u32)tid);
    return 0;
}

void proc_kernel_init(struct node *proc, struct node *sys_kernel)
{
    static const struct gen_file system[] = {
        {"kallsyms", show_kallsyms, NULL, NULL},
        {"loadavg", show_loadavg, NULL, NULL},
    };
    static const struct gen_file tainted = {"tainted", gen_show_number, NULL, NULL};
    static const struct gen_file pid_max = {"pid_max", gen_show_number, NULL, NULL};
    static const struct gen_file last_pid = {"ns_last_pid", show_last_pid, store_last_pid, NULL};
    static const struct gen_file core_pattern = {"core_pattern", show_core_pattern, NULL, NULL};
    gen_add_all(proc, system, ARRAY_SIZE(system));
    gen_add(sys_kernel, &tainted, 0);
    gen_add(sys_kernel, &pid_max, MAX_TID);
    gen_add(sys_kernel, &last_pid, 0);
    gen_add(sys_kernel, &core_pattern, 0);
}
