// /sys/devices/system/cpu: the CPUs, and which of them are online. Each CPU but the first has a
// file by which it goes offline and comes back. /sys/bus/event_source/devices: the types of perf
// events.
#include "linux/fs/procfs.h"
#include "linux/perf/abi.h"
#include "linux/sched/hotplug.h"

// Writes a mask as Linux does: "0-2,5".
static void show_mask(struct text *t, cpumask mask)
{
    const char *comma = "";
    u32 first = 0, end;
    for (; first < MAX_CPUS; first = end + 1) {
        for (end = first; end < MAX_CPUS && (mask & BIT(end)); end++)
            ;
        if (end == first)
            continue;
        text_add(t, end - first == 1 ? "%s%u" : "%s%u-%u", comma, first, end - 1);
        comma = ",";
    }
    text_add(t, "\n");
}

static void show_possible(struct text *t, u64)
{
    show_mask(t, CPUMASK_ALL >> (MAX_CPUS - nr_cpus));
}

static void show_online(struct text *t, u64)
{
    show_mask(t, cpus_online());
}

// /sys/devices/system/cpu/cpuN/topology: one package of cores, without threads.
static void show_one(struct text *t, u64 cpu)
{
    show_mask(t, BIT(cpu));
}

static void topology_init(struct node *dir, u32 cpu)
{
    static const struct gen_file of_core[] = {
        {"core_id", gen_show_number, NULL, NULL},
        {"core_cpus_list", show_one, NULL, NULL},
        {"thread_siblings_list", show_one, NULL, NULL},
    };
    static const struct gen_file of_package[] = {
        {"physical_package_id", gen_show_number, NULL, NULL},
        {"die_id", gen_show_number, NULL, NULL},
        {"core_siblings_list", show_online, NULL, NULL},
        {"package_cpus_list", show_online, NULL, NULL},
    };
    dir = node_add(dir, "topology", S_IFDIR | 0555, &dir_ops);
    for (u32 i = 0; i < ARRAY_SIZE(of_core); i++)
        gen_add(dir, &of_core[i], cpu);
    gen_add_all(dir, of_package, ARRAY_SIZE(of_package));
}

static void show_switch(struct text *t, u64 cpu)
{
    text_add(t, "%d\n", cpu_is_online(cpu));
}

static int store_switch(const char *text, u64 cpu)
{
    if ((text[0] != '0' && text[0] != '1') || text[1])
        return -EINVAL;
    return text[0] == '1' ? cpu_online_again(cpu) : cpu_offline(cpu);
}

// ---- event sources ----

static void event_sources_init(struct node *sys)
{
    static const struct gen_file kind = {"type", gen_show_number, NULL, NULL};
    static const char *const path[] = {"bus", "event_source", "devices"};
    for (u32 i = 0; i < ARRAY_SIZE(path); i++)
        sys = node_add(sys, path[i], S_IFDIR | 0555, &dir_ops);
    gen_add(node_add(sys, "breakpoint", S_IFDIR | 0555, &dir_ops), &kind, PERF_TYPE_BREAKPOINT);
    gen_add(node_add(sys, "software", S_IFDIR | 0555, &dir_ops), &kind, PERF_TYPE_SOFTWARE);
}

void sysfs_init(void)
{
    static const struct gen_file sets[] = {
        {"online", show_online, NULL, NULL},
        {"possible", show_possible, NULL, NULL},
        {"present", show_possible, NULL, NULL},
    };
    static const struct gen_file cpu_switch = {"online", show_switch, store_switch, NULL};
    static const char *const path[] = {"devices", "system", "cpu"};
    struct node *dir = node_add(fs_root, "sys", S_IFDIR | 0555, &dir_ops);
    char name[8];
    event_sources_init(dir);
    for (u32 i = 0; i < ARRAY_SIZE(path); i++)
        dir = node_add(dir, path[i], S_IFDIR | 0555, &dir_ops);
    gen_add_all(dir, sets, ARRAY_SIZE(sets));
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        snprintf(name, sizeof(name), "cpu%u", cpu);
        struct node *n = node_add(dir, name, S_IFDIR | 0555, &dir_ops);
        topology_init(n, cpu);
        if (cpu > 0) // the boot CPU always stays online, so it has no such file
            gen_add(n, &cpu_switch, cpu);
    }
}
