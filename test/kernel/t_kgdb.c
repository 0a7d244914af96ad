// test/kgdb.py looks at this test with gdb. One thread after the other, each on its own CPU,
// accesses the same variables. Without gdb it only tests that the threads stay on their CPUs.
#include "kernel/base/printk.h"
#include "debug/kgdb/stopped.h"
#include "linux/perf/perf.h"
#include "test/kernel/bp_test.h"

#define ROUNDS 9

volatile u64 kgdb_written __aligned(8); // by one instruction that changes it
volatile u64 kgdb_read __aligned(8);
volatile u64 kgdb_both __aligned(8); // written, then read
volatile u64 kgdb_changed = 1;       // by gdb
volatile u64 kgdb_go = 1;            // gdb makes it 0, and 1 again

u64 kgdb_twice(u64 x);
void kgdb_visit(u64 cpu);

__attribute__((noipa)) u64 kgdb_twice(u64 x)
{
    return x + x;
}

__attribute__((noipa)) void kgdb_visit(u64 cpu)
{
    EXPECT_EQ(cpu_id(), cpu);
    kgdb_written = kgdb_written + 1;
    (void)kgdb_read;
    kgdb_both = kgdb_both + kgdb_twice(1);
}

static void visit(void *cpu)
{
    kgdb_visit((u64)cpu);
    barrier(); // without it the call becomes a jump, and gdb cannot show the caller
}

KTEST(kgdb_target, "kgdb-target", NULL)
{
    kgdb_written = kgdb_both = 0;
    for (u64 i = 0; i < ROUNDS * nr_cpus; i++) {
        char name[TASK_COMM_LEN];
        u64 cpu = i % nr_cpus;
        snprintf(name, sizeof(name), "visit/%lu", cpu);
        struct task *t = kthread_create(name, visit, (void *)cpu, BIT(cpu));
        EXPECT(t);
        if (!t)
            return;
        task_join(t);
        task_put(t);
    }
    EXPECT_EQ(kgdb_written, ROUNDS * nr_cpus);
    EXPECT_EQ(kgdb_both, 2 * ROUNDS * nr_cpus);
    if (!kgdb_go)
        printk("# waits for kgdb_go\n");
    while (!kgdb_go)
        schedule();
    if (kgdb_changed != 1)
        printk("# kgdb_changed is %lu\n", kgdb_changed);
}

// ---- stopped in a walk ----

static struct hwbp_stopped wanted; // what gdb wants
static bool took;

static void take_wanted(struct perf_event *, void *)
{
    u64 dr7 = dr_pause();
    took = hwbp_stopped_apply(&wanted, &dr7);
    dr_unpause(dr7);
}

// A CPU that is stopped in a walk over its events leaves them where they are until it goes on.
KTEST_HWBP(kgdb_walk, "kgdb-walk", NULL)
{
    struct perf_event_attr attr = bp_attr(&kgdb_read, HW_BREAKPOINT_W, 8);
    attr.sample_period = 1000;
    struct perf_event *walked =
        perf_event_create_kernel_counter(&attr, -1, current_task(), NULL, NULL);
    EXPECT_EQ(hwbp_stopped_init(&wanted), 0);
    u64 flags = irq_save();
    EXPECT_EQ(hwbp_stopped_set(&wanted, (u64)&kgdb_written, HW_BREAKPOINT_W, 8), 0);
    took = true;
    perf_for_each_sampling(take_wanted, NULL);
    EXPECT(!took);
    take_wanted(NULL, NULL);
    EXPECT(took);
    hwbp_stopped_clear(&wanted);
    take_wanted(NULL, NULL);
    EXPECT(hwbp_stopped_release(&wanted));
    irq_restore(flags);
    for (u32 cpu = 0; cpu < MAX_CPUS; cpu++)
        if (wanted.event[cpu])
            perf_event_release_kernel(wanted.event[cpu]);
    perf_event_release_kernel(walked);
}
