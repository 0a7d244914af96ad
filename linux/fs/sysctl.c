// /proc/sys: limits of the whole system, under Linux's names (proc_sys(5)). A limit may be lowered.
// It may be raised again up to its value at boot. So no program can take all memory of the machine.
#include "kernel/base/string.h"
#include "kernel/mm/page.h"
#include "linux/fs/pipe.h"
#include "linux/fs/procfs.h"
#include "linux/mm/vm.h"

#define MOST_THREADS 16000 // there are some more kernel stacks (kernel/mm/kstack.c)

static void show_limit(struct text *t, u64 arg);
static int store_limit(const char *text, u64 arg);

static struct limit {
    const char *dir;
    struct gen_file file;
    u64 *value;
    u64 share; // at boot the limit is this fraction of all pages ...
    u64 most;  // ... and at most this
} limits[] = {
    {"fs", {"file-max", show_limit, store_limit, NULL}, &file_max, 4, UINT64_MAX},
    {"fs", {"nr_open", show_limit, NULL, NULL}, &(u64){0}, 1, MAX_FDS},
    {"fs", {"pipe-user-pages-hard", show_limit, store_limit, NULL}, &pipe_pages_max, 8, UINT64_MAX},
    {"kernel", {"threads-max", show_limit, store_limit, NULL}, &threads_max, 16, MOST_THREADS},
    {"vm", {"max_map_count", show_limit, store_limit, NULL}, &vm_max_map_count, 1, 65530},
};

static void show_limit(struct text *t, u64 arg)
{
    const struct limit *l = (const struct limit *)arg;
    text_add(t, "%lu\n", *l->value);
}

static int store_limit(const char *text, u64 arg)
{
    const struct limit *l = (const struct limit *)arg;
    u64 value;
    if (!parse_u64(text, &value) || value > l->most)
        return -EINVAL;
    __atomic_store_n(l->value, value, __ATOMIC_RELAXED);
    return 0;
}

static void show_file_nr(struct text *t, u64)
{
    text_add(t, "%lu\t0\t%lu\n", file_count(), file_max);
}

void sysctl_init(struct node *sys)
{
    static const struct gen_file file_nr = {"file-nr", show_file_nr, NULL, NULL};
    for (struct limit *l = limits; l < limits + ARRAY_SIZE(limits); l++) {
        struct node *dir = node_child(sys, l->dir, strlen(l->dir));
        if (!dir)
            dir = node_add(sys, l->dir, S_IFDIR | 0555, &dir_ops);
        *l->value = l->most = MIN(pages_total / l->share, l->most);
        gen_add(dir, &l->file, (u64)l);
    }
    gen_add(node_child(sys, "fs", 2), &file_nr, 0);
}
