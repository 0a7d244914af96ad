// Wide breakpoints: one reservation covers all CPUs or none, while other tasks take registers.
#include "arch/x86/platform.h"
#include "arch/x86/smp.h"
#include "test/kernel/bp_test.h"

static volatile u64 watched;
static volatile bool stop;
static u32 refused; // atomic: requests that were refused although they fit
static u64 opened;  // atomic

static void write_here(void *)
{
    watched = cpu_id();
}

KTEST_HWBP(wide, "wide-all-cpus", NULL)
{
    struct perf_event_attr attr = bp_attr(&watched, HW_BREAKPOINT_W, 8);
    struct hwbp_wide *wide = hwbp_register_wide(&attr, NULL, NULL);
    EXPECT(!IS_ERR(wide));
    EXPECT_EQ(hwbp_live(), 1);
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        smp_call(cpu, write_here, NULL);
    EXPECT_EQ(hwbp_wide_count(wide), nr_cpus);
    hwbp_unregister_wide(wide);
    EXPECT_EQ(hwbp_live(), 0);
}

KTEST_HWBP(one_cpu, "bp-one-cpu", NULL)
{
    struct perf_event_attr attr = bp_attr(&watched, HW_BREAKPOINT_W, 8);
    static volatile u64 elsewhere;
    u32 last = nr_cpus - 1;
    struct perf_event *event = perf_event_create_kernel_counter(&attr, last, NULL, NULL, NULL);
    EXPECT(!IS_ERR(event));
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        smp_call(cpu, write_here, NULL);
    EXPECT_EQ(bp_count(event), 1);
    EXPECT_EQ(hwbp_modify(event, (u64)&elsewhere, HW_BREAKPOINT_W, 3), -EINVAL);
    smp_call(last, write_here, NULL); // it still watches the old address
    EXPECT_EQ(hwbp_modify(event, (u64)&elsewhere, HW_BREAKPOINT_W, 8), 0);
    smp_call(last, write_here, NULL);
    EXPECT_EQ(bp_count(event), 2);
    perf_event_release_kernel(event);
    event = perf_event_create_kernel_counter(&attr, nr_cpus, NULL, NULL, NULL);
    EXPECT_EQ(PTR_ERR(event), -EINVAL);
}

// Takes the last free register of its CPU and gives it back, again and again. This always fits.
static void racer(void *arg)
{
    int cpu = (u64)arg;
    while (!stop) {
        struct perf_event *event = bp_open_cpu(&watched, HW_BREAKPOINT_W, 8, cpu);
        if (IS_ERR(event)) {
            __atomic_fetch_add(&refused, 1, __ATOMIC_RELAXED);
        } else {
            perf_event_release_kernel(event);
            __atomic_fetch_add(&opened, 1, __ATOMIC_RELAXED);
        }
    }
}

KTEST_HWBP(atomic, "wide-atomic", NULL)
{
    if (nr_cpus < 2) {
        ktest_skip("needs two CPUs");
        return;
    }
    u32 last = nr_cpus - 1;
    struct perf_event *held[MAX_CPUS][4];
    struct task *racers[MAX_CPUS];
    struct perf_event_attr attr = bp_attr(&watched, HW_BREAKPOINT_W, 8);
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) // three on each CPU, but the last one is full
        for (u32 i = 0; i < (cpu == last ? 4 : 3); i++)
            held[cpu][i] = bp_open_cpu(&watched, HW_BREAKPOINT_W, 8, cpu);
    stop = false;
    refused = opened = 0;
    for (u32 cpu = 0; cpu < last; cpu++)
        racers[cpu] = kthread_create("racer", racer, (void *)(u64)cpu, CPUMASK_ALL);
    u64 tries = ktest_scale(2000);
    for (u64 i = 0; i < tries || opened < tries / 10; i++) {
        EXPECT_EQ(PTR_ERR(hwbp_register_wide(&attr, NULL, NULL)), -ENOSPC);
        if (i % 16 == 0)
            schedule();
    }
    stop = true;
    for (u32 cpu = 0; cpu < last; cpu++) {
        task_join(racers[cpu]);
        task_put(racers[cpu]);
    }
    EXPECT_EQ(refused, 0);
    ktest_note("%lu wide requests were refused while %lu others fitted", tries, opened);
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        for (u32 i = 0; i < (cpu == last ? 4 : 3); i++)
            perf_event_release_kernel(held[cpu][i]);
}
