// Sampling that meets its own wakeup: the machine slows, goes on, and recovers.
#include "linux/perf/ring.h"
#include "debug/ksym/lookup.h"
#include "linux/perf/sample.h"
#include "perf/context.h"
#include "test/kernel/bp_test.h"

#define TICKS 8
#define MOST  (3 * TICKS) // most interrupts meanwhile: the ticks, and the work that each may defer

// Functions that deliver an interrupt, from its beginning to its end.
static const char *const watched[] = {"lapic_eoi", "sched_tick", "sched_irq_exit"};

static struct perf_event *sample_each(const char *name)
{
    struct perf_event_attr attr = bp_attr((void *)ksym_lookup(name, NULL), HW_BREAKPOINT_X, 8);
    attr.sample_period = attr.wakeup_events = 1;
    attr.sample_type = PERF_SAMPLE_IP;
    return perf_event_create_kernel_counter(&attr, cpu_id(), NULL, NULL, NULL);
}

KTEST_HWBP(feeding, "sampling-feeds-itself", NULL)
{
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(cpu_id())), 0);
    for (u32 i = 0; i < ARRAY_SIZE(watched); i++) {
        struct perf_event *event = sample_each(watched[i]);
        EXPECT(!IS_ERR(event));
        struct vm_object *buffer = perf_buffer_map(event, 2, false);
        EXPECT(!IS_ERR(buffer));
        u64 ticks = THIS_CPU->lapic_ticks, irqs = THIS_CPU->nr_irqs;
        while (THIS_CPU->lapic_ticks - ticks < TICKS)
            cpu_pause();
        irqs = THIS_CPU->nr_irqs - irqs;
        if (irqs > MOST)
            ktest_fail(__FILE__, __LINE__, "%s: %lu interrupts", watched[i], irqs);
        EXPECT(bp_count(event) > 0);
        vm_object_put(buffer);
        perf_event_release_kernel(event);
    }
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}
