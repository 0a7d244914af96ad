// What holds while a CPU is offline: requests for it, events that wait for it, wide breakpoints.
#include "arch/x86/platform.h"
#include "arch/x86/smp.h"
#include "linux/sched/hotplug.h"
#include "linux/sched/timer.h"
#include "sched/wait.h"
#include "test/kernel/bp_test.h"

static volatile u64 watched[2] __aligned(16);

static void write_first(void *arg)
{
    watched[0] = (u64)arg;
}

static void write_second(void *arg)
{
    watched[1] = (u64)arg;
}

// Makes one write on each CPU that is online. Returns how many.
static u64 write_everywhere(void (*fn)(void *))
{
    u64 n = 0;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        n += smp_call(cpu, fn, NULL);
    return n;
}

// The CPU that the tests take offline; 0 when there is only one CPU.
static u32 last_cpu(void)
{
    if (nr_cpus < 2)
        ktest_skip("needs two CPUs");
    return nr_cpus - 1;
}

static struct wait_queue queue;
static volatile bool may_end;

static void wait_for_end(void *)
{
    wait_event(&queue, may_end);
}

static void end_task(struct task *t)
{
    may_end = true;
    wake_all(&queue);
    task_join(t);
    task_put(t);
}

KTEST_HWBP(hotplug_tasks, "hotplug-tasks", NULL)
{
    u32 cpu = last_cpu();
    if (!cpu)
        return;
    EXPECT_EQ(cpu_offline(0), -EINVAL);
    EXPECT_EQ(cpu_online_again(0), -EINVAL);
    EXPECT_EQ(cpu_offline(nr_cpus), -EINVAL);
    EXPECT_EQ(cpu_offline(MAX_CPUS + 1), -EINVAL);
    EXPECT_EQ(cpu_online_again(cpu), 0); // it is online already

    wait_init(&queue);
    may_end = false;
    struct task *t = kthread_create("sleeper", wait_for_end, NULL, BIT(cpu));
    while (t->state != TASK_WAITING)
        schedule();
    // The caller itself may run only on this CPU.
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(cpu)), 0);
    EXPECT_EQ(cpu_offline(cpu), 0);
    EXPECT(cpu_id() != cpu);
    EXPECT_EQ(current_task()->affinity, CPUMASK_ALL);
    EXPECT_EQ(cpu_offline(cpu), 0);
    EXPECT_EQ(cpus_online(), CPUMASK_ALL >> (MAX_CPUS - nr_cpus) & ~BIT(cpu));
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(cpu)), -EINVAL);
    EXPECT_EQ(t->affinity, BIT(cpu)); // nothing has woken it
    may_end = true;
    wake_all(&queue);
    task_join(t);
    EXPECT_EQ(t->affinity, CPUMASK_ALL);
    task_put(t);

    may_end = false;
    t = kthread_create("late", wait_for_end, NULL, BIT(cpu));
    EXPECT_EQ(t->affinity, CPUMASK_ALL);
    EXPECT_EQ(cpu_online_again(cpu), 0);
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(cpu)), 0);
    EXPECT_EQ(cpu_id(), cpu);
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
    end_task(t);
}

KTEST_HWBP(hotplug_events, "hotplug-events", NULL)
{
    u32 cpu = last_cpu();
    if (!cpu)
        return;
    struct perf_event *event = bp_open_cpu(&watched[0], HW_BREAKPOINT_W, 8, cpu);
    struct perf_event *other = bp_open_cpu(&watched[0], HW_BREAKPOINT_W, 8, cpu);
    u64 enabled, running, enabled_later, running_later;
    EXPECT(!IS_ERR(event) && !IS_ERR(other));
    EXPECT_EQ(write_everywhere(write_first), nr_cpus);
    EXPECT_EQ(cpu_offline(cpu), 0);
    EXPECT_EQ(write_everywhere(write_first), nr_cpus - 1);

    // Count and times stand still, and requests meanwhile are kept.
    EXPECT_EQ(perf_event_read_value(event, &enabled, &running), 1);
    EXPECT_EQ(enabled, running);
    sched_sleep_until(clock_ns() + 10000000, false);
    EXPECT_EQ(perf_event_read_value(event, &enabled_later, &running_later), 1);
    EXPECT(enabled_later == enabled && running_later == running);
    perf_event_disable(event);
    EXPECT_EQ(event->state, PERF_OFF);
    perf_event_enable(event);
    EXPECT_EQ(event->state, PERF_INACTIVE);
    EXPECT_EQ(hwbp_modify(event, (u64)&watched[1], HW_BREAKPOINT_W, 8), 0);
    perf_event_disable(other);
    struct perf_event_attr attr = bp_attr(&watched[0], HW_BREAKPOINT_W, 8);
    EXPECT_EQ(PTR_ERR(perf_event_create_kernel_counter(&attr, cpu, NULL, NULL, NULL)), -ENODEV);
    EXPECT_EQ(PTR_ERR(perf_event_create_kernel_counter(&attr, cpu, current_task(), NULL, NULL)),
              -ENODEV);
    EXPECT_EQ(hwbp_live(), 2); // only the slots are kept
    EXPECT_EQ(cpu_online_again(cpu), 0);

    EXPECT_EQ(event->state, PERF_ACTIVE);
    write_everywhere(write_second);
    write_everywhere(write_second);
    write_everywhere(write_first);
    EXPECT_EQ(bp_count(event), 3);
    EXPECT_EQ(bp_close(other), 1);

    EXPECT_EQ(cpu_offline(cpu), 0);
    EXPECT_EQ(bp_close(event), 3); // released while its CPU is offline
    EXPECT_EQ(hwbp_live(), 0);
    EXPECT_EQ(cpu_online_again(cpu), 0);
}

KTEST_HWBP(hotplug_wide, "hotplug-wide", NULL)
{
    u32 cpu = last_cpu();
    if (!cpu)
        return;
    struct perf_event_attr attr = bp_attr(&watched[0], HW_BREAKPOINT_W, 8);
    struct perf_event *full[SLOTS_PER_CPU];
    for (u32 i = 0; i < SLOTS_PER_CPU; i++)
        full[i] = bp_open_cpu(&watched[1], HW_BREAKPOINT_W, 8, cpu);
    EXPECT_EQ(cpu_offline(cpu), 0);
    // A CPU that is offline may come back, so its registers count.
    EXPECT_EQ(PTR_ERR(hwbp_register_wide(&attr, NULL, NULL)), -ENOSPC);
    perf_event_release_kernel(full[0]);
    struct hwbp_wide *wide = hwbp_register_wide(&attr, NULL, NULL);
    EXPECT(!IS_ERR(wide));
    u64 want = write_everywhere(write_first);
    EXPECT_EQ(want, nr_cpus - 1);
    EXPECT_EQ(cpu_online_again(cpu), 0);
    want += write_everywhere(write_first); // also on the CPU that came online later
    EXPECT_EQ(hwbp_wide_count(wide), want);

    EXPECT_EQ(cpu_offline(cpu), 0);
    EXPECT_EQ(hwbp_wide_modify(wide, (u64)&watched[1], HW_BREAKPOINT_W, 3), -EINVAL);
    EXPECT_EQ(hwbp_wide_modify(wide, (u64)watched, HW_BREAKPOINT_W, 16), -EOPNOTSUPP);
    want += write_everywhere(write_first); // still the old address
    EXPECT_EQ(hwbp_wide_modify(wide, (u64)&watched[1], HW_BREAKPOINT_W, 8), 0);
    want += write_everywhere(write_second);
    write_everywhere(write_first);
    EXPECT_EQ(cpu_online_again(cpu), 0);
    want += write_everywhere(write_second);
    write_everywhere(write_first);
    EXPECT_EQ(hwbp_wide_count(wide), want);

    hwbp_wide_disable(wide);
    write_everywhere(write_second);
    EXPECT_EQ(hwbp_wide_count(wide), want);
    EXPECT_EQ(cpu_offline(cpu), 0);
    hwbp_wide_enable(wide);
    EXPECT_EQ(cpu_online_again(cpu), 0);
    want += write_everywhere(write_second);
    EXPECT_EQ(hwbp_wide_count(wide), want);
    hwbp_unregister_wide(wide);
    for (u32 i = 1; i < SLOTS_PER_CPU; i++)
        perf_event_release_kernel(full[i]);
}
