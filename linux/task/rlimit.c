// Limits of a process: see rlimit.h.
#include "linux/task/rlimit.h"

#include "kernel/base/printk.h"
#include "linux/mm/upcalls.h"
#include "linux/mm/vm.h"
#include "linux/task/process.h"

u64 threads_max;

// Names and units as Linux writes them. dr7 obeys each limit, or does not have the thing that it
// limits.
static const struct {
    const char *name, *unit;
    u64 start;
} kinds[RLIM_NLIMITS] = {
    [RLIMIT_CPU] = {"Max cpu time", "seconds", RLIM_INFINITY},
    [RLIMIT_FSIZE] = {"Max file size", "bytes", RLIM_INFINITY},
    [RLIMIT_DATA] = {"Max data size", "bytes", RLIM_INFINITY},
    [RLIMIT_STACK] = {"Max stack size", "bytes", USER_STACK_SIZE},
    [RLIMIT_CORE] = {"Max core file size", "bytes", 0},
    [RLIMIT_RSS] = {"Max resident set", "bytes", RLIM_INFINITY}, // ignored, as on Linux
    [RLIMIT_NPROC] = {"Max processes", "processes", 0},          // see rlimits_init()
    [RLIMIT_NOFILE] = {"Max open files", "files", MAX_FDS},
    [RLIMIT_MEMLOCK] = {"Max locked memory", "bytes", RLIM_INFINITY},
    [RLIMIT_AS] = {"Max address space", "bytes", RLIM_INFINITY},
    [RLIMIT_LOCKS] = {"Max file locks", "locks", RLIM_INFINITY},
    [RLIMIT_SIGPENDING] = {"Max pending signals", "signals", 0}, // see rlimits_init()
    [RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes", 0},
    [RLIMIT_NICE] = {"Max nice priority", "", 0},
    [RLIMIT_RTPRIO] = {"Max realtime priority", "", 0},
    [RLIMIT_RTTIME] = {"Max realtime timeout", "us", RLIM_INFINITY},
};

void rlimits_init(struct rlimit limits[RLIM_NLIMITS])
{
    for (u32 i = 0; i < RLIM_NLIMITS; i++)
        limits[i] = (struct rlimit){kinds[i].start, kinds[i].start};
    limits[RLIMIT_STACK].hard = limits[RLIMIT_CORE].hard = RLIM_INFINITY; // as on Linux
    u64 half = threads_max / 2;                                           // this, too
    limits[RLIMIT_NPROC] = limits[RLIMIT_SIGPENDING] = (struct rlimit){half, half};
}

int rlimit_change(struct process *p, u32 which, const struct rlimit *new, struct rlimit *old)
{
    if (which >= RLIM_NLIMITS || (new &&new->soft > new->hard))
        return -EINVAL;
    mutex_lock(&proc_lock);
    struct rlimit *limit = &p->limits[which];
    int err = new != NULL &&new->hard > limit->hard ? -EPERM : 0;
    if (old)
        *old = *limit;
    if (new && !err)
        *limit = *new;
    mutex_unlock(&proc_lock);
    return err;
}

u64 rlimit_soft(u32 which)
{
    const struct process *p = current_process();
    return p ? __atomic_load_n(&p->limits[which].soft, __ATOMIC_RELAXED) : RLIM_INFINITY;
}

u64 vm_mapped_max(void)
{
    return rlimit_soft(RLIMIT_AS);
}

u64 vm_data_max(void)
{
    return rlimit_soft(RLIMIT_DATA);
}

static void show_value(struct text *t, u64 value)
{
    if (value == RLIM_INFINITY)
        text_add(t, "%-20s ", "unlimited");
    else
        text_add(t, "%-20lu ", value);
}

void rlimits_show(struct text *t, struct process *p)
{
    text_add(t, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (u32 i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit limit;
        rlimit_change(p, i, NULL, &limit);
        text_add(t, "%-25s ", kinds[i].name);
        show_value(t, limit.soft);
        show_value(t, limit.hard);
        text_add(t, *kinds[i].unit ? "%-10s\n" : "%s\n", kinds[i].unit);
    }
}
