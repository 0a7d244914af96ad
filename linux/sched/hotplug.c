// CPUs that go offline and come back.
//
// A CPU goes offline in two steps. First it is closed to tasks: its bit leaves cpus_online(), so no
// task is queued there any more. The task that runs there leaves at its next switch, and the idle
// task sends away the tasks that wait. Then the idle task stops perf's registers, the timers, the
// tick and calls from other CPUs. It halts with interrupts on, because a call that was made just
// before must still get its answer.
//
//   H1  A task is linked only in the queue of an online CPU. cpus_online() is read under the lock
//       of the queue. The idle task takes this lock after it has seen that its bit is gone, so it
//       finds every task that was linked before.
//   H2  A CPU that is offline has no breakpoint enabled, no timer and no user page table, and no
//       CPU waits for its answer.
#include "linux/sched/hotplug.h"
#include "arch/x86/paging.h"
#include "arch/x86/smp.h"
#include "arch/x86/user/devices.h"
#include "linux/sched/timer.h"
#include "perf/pmu.h"
#include "sched/runqueue.h"
#include "sched/upcalls.h"

static struct mutex hotplug_mutex; // one at a time
static struct wait_queue changed;  // a CPU has come to rest, or come back
static cpumask leaving;            // atomic: CPUs that are wanted offline

void hotplug_init(void)
{
    mutex_init(&hotplug_mutex, "hotplug", RANK_HOTPLUG);
    wait_init(&changed);
}

// ---- on the CPU itself, IRQs off ----

static void send_tasks_away(struct runqueue *rq)
{
    spin_lock(&rq->lock);
    while (!list_empty(&rq->queue)) {
        struct task *t = list_first(&rq->queue, struct task, run_node);
        rq_unlink(rq, t); // still `queued`: this CPU must place it
        spin_unlock(&rq->lock);
        sched_activate(t);
        spin_lock(&rq->lock);
    }
    spin_unlock(&rq->lock);
}

// The CPU's own context leaves the registers. It keeps its counts until perf_cpu_start().
static void stop_perf(void)
{
    struct perf_event_context *ctx = &this_perf_cpu()->ctx;
    ASSERT(!this_perf_cpu()->task_ctx);
    perf_edit_begin();
    perf_ctx_out(ctx);
    perf_edit_commit();
    perf_ctx_release(ctx);
}

// From here on this CPU answers no calls and takes no part in shootdowns. Calls that are on their
// way while it leaves are served once its IRQs are on.
static void leave_the_others(void)
{
    paging_load_kernel();
    __atomic_store_n(&this_cpu()->online, 0, __ATOMIC_SEQ_CST);
}

void sched_rest(void)
{
    struct runqueue *rq = this_rq();
    u32 cpu = cpu_id();
    send_tasks_away(rq);
    stop_perf();
    timers_leave();
    lapic_timer_stop();
    sched_charge(rq);
    u64 idle_ns = rq->stats.idle_ns;
    leave_the_others();
    wake_all(&changed);

    while (__atomic_load_n(&leaving, __ATOMIC_SEQ_CST) & BIT(cpu)) {
        cpu_idle_halt();
        irq_disable();
    }

    rq->idle->switched_in_ns = clock_ns();
    rq->stats.idle_ns = idle_ns; // the time offline does not count as idle
    smp_join();
    perf_cpu_start(cpu);
    lapic_timer_start(HZ);
    sched_open();
    wake_all(&changed);
}

// ---- from elsewhere ----

int cpu_offline(u32 cpu)
{
    if (cpu == 0 || cpu >= nr_cpus)
        return -EINVAL;
    mutex_lock(&hotplug_mutex);
    __atomic_fetch_or(&leaving, BIT(cpu), __ATOMIC_SEQ_CST);
    __atomic_fetch_and(&sched_online, ~BIT(cpu), __ATOMIC_SEQ_CST);
    sched_kick(cpu);
    wait_event(&changed, !cpu_reachable(cpu));
    mutex_unlock(&hotplug_mutex);
    return 0;
}

int cpu_online_again(u32 cpu)
{
    if (cpu == 0 || cpu >= nr_cpus)
        return -EINVAL;
    mutex_lock(&hotplug_mutex);
    __atomic_fetch_and(&leaving, ~BIT(cpu), __ATOMIC_SEQ_CST);
    sched_kick(cpu);
    wait_event(&changed, cpu_is_online(cpu));
    mutex_unlock(&hotplug_mutex);
    return 0;
}
