// The kernel's trace as files, with the names of Linux's tracefs. buffer_size_kb is the size for
// each CPU. tracing_on switches the trace on and off. A read of trace_pipe takes records away. A
// read of trace (debug/ksym/files.c) leaves them.
#include "kernel/base/string.h"
#include "linux/fs/procfs.h"

#define LINE 256 // the longest text of a record

static struct mutex reading; // guards the parts of linux/sched/trace.c that need a lock

static int set(int (*to)(u64 value), const char *text)
{
    u64 value;
    if (!parse_u64(text, &value))
        return -EINVAL;
    mutex_lock(&reading);
    int err = to(value);
    mutex_unlock(&reading);
    return err;
}

static void show_size(struct text *t, u64)
{
    gen_show_number(t, trace_kib());
}

static int store_size(const char *text, u64)
{
    return set(trace_resize, text);
}

static void show_on(struct text *t, u64)
{
    gen_show_number(t, trace_on);
}

static int store_on(const char *text, u64)
{
    return set(trace_switch, text);
}

static void show_lost(struct text *t, u64)
{
    gen_show_number(t, trace_lost());
}

void trace_lines(struct text *t, struct trace_reader *reader)
{
    struct trace_record r;
    u32 cpu;
    mutex_lock(&reading);
    while (t->size - t->len >= LINE && trace_next(reader, &r, &cpu))
        trace_print(t, &r, cpu);
    mutex_unlock(&reading);
}

// A reader may leave the rest of a piece. The rest is gone when the file is closed, as in Linux.
static void take_lines(struct text *t, struct trace_reader *)
{
    trace_lines(t, NULL);
}

void trace_drop(void)
{
    mutex_lock(&reading);
    trace_clear();
    mutex_unlock(&reading);
}

void trace_files_add(struct node *dir)
{
    static const struct gen_records taken = {take_lines, NULL};
    static const struct gen_file files[] = {
        {"buffer_size_kb", show_size, store_size, NULL},
        {"tracing_on", show_on, store_on, NULL},
        {"trace_lost", show_lost, NULL, NULL},
        {"trace_pipe", NULL, NULL, &taken},
    };
    mutex_init(&reading, "trace", RANK_TRACE);
    gen_add_all(dir, files, ARRAY_SIZE(files));
}
