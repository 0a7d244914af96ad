// The tracer's files, in the place where Linux has them.
#include "debug/ksym/ksym.h"

static void clear(void)
{
    ksym_trace_clear();
    trace_drop();
}

void ksym_init(void)
{
    // Opening the file with O_TRUNC, as the shell does for "> trace", empties it. A write removes
    // only the accesses. So a trace of the kernel goes on while somebody watches variables.
    static const struct gen_records records = {trace_lines, clear};
    static const struct gen_file files[] = {
        {"ksym_trace_filter", ksym_filter_show, ksym_filter_write, NULL},
        {"trace", ksym_trace_show, ksym_trace_write, &records},
    };
    static const struct gen_file stat = {"ksym_tracer", ksym_stat_show, NULL, NULL};
    static const char *const path[] = {"kernel", "debug", "tracing"};
    struct node *dir = node_child(fs_root, "sys", 3);
    ksym_filters_init();
    for (u32 i = 0; i < ARRAY_SIZE(path); i++)
        dir = node_add(dir, path[i], S_IFDIR | 0555, &dir_ops);
    gen_add_all(dir, files, ARRAY_SIZE(files));
    trace_files_add(dir);
    gen_add(node_add(dir, "trace_stat", S_IFDIR | 0555, &dir_ops), &stat, 0);
}
