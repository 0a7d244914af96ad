// The tracer's files, where Linux has them.
#include "kernel/debug/ksym/ksym.h"

// "> trace" empties it, as writing to it does.
static struct file *open_trace(struct node *n, u32 flags)
{
    struct file *f = proc_file_ops.open(n, flags);
    if (!IS_ERR(f) && (flags & O_TRUNC))
        ksym_trace_clear();
    return f;
}

void ksym_init(void)
{
    static const struct proc_file filter = {"ksym_trace_filter", ksym_filter_show,
                                            ksym_filter_write};
    static const struct proc_file trace = {"trace", ksym_trace_show, ksym_trace_write};
    static const struct proc_file stat = {"ksym_tracer", ksym_stat_show, NULL};
    static const struct node_ops trace_ops = {.open = open_trace};
    static const char *const path[] = {"kernel", "debug", "tracing"};
    struct node *dir = node_child(fs_root, "sys", 3);
    ksym_filters_init();
    for (u32 i = 0; i < ARRAY_SIZE(path); i++)
        dir = node_add(dir, path[i], S_IFDIR | 0555, NULL);
    procfs_add(dir, &filter);
    procfs_add(dir, &trace)->ops = &trace_ops;
    procfs_add(node_add(dir, "trace_stat", S_IFDIR | 0555, NULL), &stat);
}
