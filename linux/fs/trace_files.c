// The kernel's trace as files, with the names of Linux's tracefs. buffer_size_kb is the size for
// each CPU; tracing_on switches the trace on and off; a read of trace_pipe takes records away.
#include "arch/x86/uaccess.h"
#include "kernel/base/string.h"
#include "linux/sched/trace.h"
#include "linux/fs/procfs.h"

#define LINE 256 // no record's text is longer

static struct mutex reading; // guards what linux/sched/trace.c does not do without locks

static int number_of(const char *text, u64 *n)
{
    return parse_u64(text, n) ? 0 : -EINVAL;
}

static void show_size(struct text *t, u64)
{
    text_add(t, "%lu\n", trace_kib());
}

static int store_size(const char *text, u64)
{
    u64 kib;
    int err = number_of(text, &kib);
    if (err)
        return err;
    mutex_lock(&reading);
    err = trace_resize(kib);
    mutex_unlock(&reading);
    return err;
}

static void show_on(struct text *t, u64)
{
    text_add(t, "%d\n", trace_on);
}

static int store_on(const char *text, u64)
{
    u64 on;
    int err = number_of(text, &on);
    if (err || on > 1)
        return -EINVAL;
    mutex_lock(&reading);
    err = trace_switch(on);
    mutex_unlock(&reading);
    return err;
}

static void show_lost(struct text *t, u64)
{
    text_add(t, "%lu\n", trace_lost());
}

// Gives as many whole lines as fit. When there is no record now, it is the end of the file.
// A record is taken only after the program's buffer has taken a line of zeros: otherwise a bad
// buffer would lose it.
static ssize_t pipe_read(struct file *, u64 ubuf, size_t n, u64 *)
{
    char line[LINE];
    struct trace_record r;
    u32 cpu;
    size_t done = 0;
    bool fault = false;
    if (n < LINE)
        return -EINVAL;
    mutex_lock(&reading);
    while (n - done >= LINE && !(fault = clear_user(ubuf + done, LINE)) && trace_take(&r, &cpu)) {
        struct text t = {line, sizeof(line), 0};
        trace_print(&t, &r, cpu);
        fault = copy_to_user(ubuf + done, line, t.len);
        if (fault)
            break;
        done += t.len;
    }
    mutex_unlock(&reading);
    return fault && !done ? -EFAULT : (ssize_t)done;
}

void trace_files_add(struct node *dir)
{
    static const struct gen_file size = {"buffer_size_kb", show_size, store_size, NULL};
    static const struct gen_file on = {"tracing_on", show_on, store_on, NULL};
    static const struct gen_file lost = {"trace_lost", show_lost, NULL, NULL};
    static const struct file_ops pipe = {.read = pipe_read};
    mutex_init(&reading, "trace", RANK_TRACE);
    gen_add(dir, &size, 0);
    gen_add(dir, &on, 0);
    gen_add(dir, &lost, 0);
    node_add(dir, "trace_pipe", S_IFREG | 0400, &pipe);
}
