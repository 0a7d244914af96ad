// Wakeups and signals. See wakeup.h.
#include "linux/perf/perf.h"
#include "linux/perf/wakeup.h"
#include "arch/x86/platform.h"
#include "arch/x86/user/devices.h"
#include "arch/x86/user/upcalls.h"
#include "linux/sched/timer.h"
#include "linux/perf/ring.h"
#include "linux/perf/upcalls.h"

#define NS_PER_TICK (1000000000ull / HZ)

static struct wait_queue worker_queue;

// ---- the lists ----

void perf_work_queue(struct perf_event *event, u32 work)
{
    struct perf_output_cpu *pc = this_output_cpu();
    __atomic_or_fetch(&event->output->work, work, __ATOMIC_SEQ_CST);
    if (__atomic_exchange_n(&event->output->queued, true, __ATOMIC_SEQ_CST))
        return;
    struct perf_event *first = __atomic_load_n(&pc->pending, __ATOMIC_RELAXED);
    do
        event->output->next = first;
    while (!__atomic_compare_exchange_n(&pc->pending, &first, event, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED));
    pc->fresh = true;
    cpu_set_due(DUE_RETURN);
}

void perf_work_overflow(struct perf_event *original, u32 work)
{
    if (!__atomic_load_n(&original->output->file, __ATOMIC_RELAXED))
        work &= PERF_WORK_DISABLE;
    if (work & PERF_WORK_SIGNAL_IN)
        __atomic_fetch_add(&original->output->signals, 1, __ATOMIC_SEQ_CST);
    if (work)
        perf_work_queue(original, work);
}

void perf_work_interrupt(void)
{
    const struct perf_event_context *ctx = this_perf_cpu()->task_ctx;
    this_output_cpu()->fresh = false;
    if (__atomic_load_n(&this_output_cpu()->pending, __ATOMIC_RELAXED) || (ctx && ctx->traps))
        lapic_send_self(IPI_PERF);
}

static void stop_at_limit(struct perf_event *event, void *)
{
    if (event->stopped && event->state >= PERF_INACTIVE)
        perf_set_state(event, PERF_OFF);
}

static void do_work(struct perf_event *event)
{
    struct perf_output *out = event->output;
    u32 work = __atomic_exchange_n(&out->work, 0, __ATOMIC_SEQ_CST);
    u32 signals = __atomic_exchange_n(&out->signals, 0, __ATOMIC_SEQ_CST);
    if (work & PERF_WORK_DISABLE)
        perf_ctx_run(event, stop_at_limit, NULL);
    if (work & PERF_WORK_WAKE)
        perf_fd_wake();
    struct file *file = __atomic_load_n(&out->file, __ATOMIC_ACQUIRE);
    while (file && signals--)
        perf_fd_signal(file, false);
    if (file && (work & PERF_WORK_SIGNAL_HUP))
        perf_fd_signal(file, true);
}

// Does the work of a CPU's list. Task context.
static void drain(struct perf_output_cpu *pc)
{
    struct perf_event *event = __atomic_exchange_n(&pc->pending, NULL, __ATOMIC_SEQ_CST);
    while (event) {
        struct perf_output *out = event->output;
        struct perf_event *next = out->next;
        __atomic_fetch_add(&out->busy, 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&out->queued, false, __ATOMIC_SEQ_CST);
        do_work(event);
        __atomic_fetch_sub(&out->busy, 1, __ATOMIC_SEQ_CST);
        event = next;
    }
}

static void drain_all(void)
{
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        drain(&perf_output_cpus[cpu]);
}

void perf_work_finish(struct perf_event *event)
{
    const struct perf_output *out = event->output;
    while (__atomic_load_n(&out->queued, __ATOMIC_SEQ_CST) ||
           __atomic_load_n(&out->busy, __ATOMIC_SEQ_CST)) {
        drain_all();
        schedule(); // to the task that is in the middle of it
    }
}

// ---- who drains ----

static bool any_pending(void)
{
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        if (__atomic_load_n(&perf_output_cpus[cpu].pending, __ATOMIC_SEQ_CST))
            return true;
    return false;
}

static void worker(void *)
{
    irq_enable();
    for (;;) {
        wait_event(&worker_queue, any_pending());
        drain_all();
        sched_sleep_until(clock_ns() + NS_PER_TICK, false); // W3
    }
}

void perf_start_worker(void)
{
    wait_init(&worker_queue);
    struct task *t = kthread_create("perf", worker, NULL, CPUMASK_ALL);
    if (!t)
        panic("perf: no memory for its thread");
    task_put(t);
}

void perf_irq_work(void)
{
    // The task of a program does the work itself on its way to ring 3. So its signals are there
    // when it comes out. If it leaves this CPU before that, perf_task_leaves() asks again.
    if (this_output_cpu()->pending && !current_task()->process)
        wake_all(&worker_queue);
}

void perf_debug_return(void)
{
    struct perf_output_cpu *pc = this_output_cpu();
    if (likely(!pc->pending))
        return;
    irq_enable();
    drain(pc);
    irq_disable();
}

// ---- SIGTRAP ----

void perf_trap_forget(struct perf_event *event)
{
    struct perf_output *out = event->output;
    struct perf_event *before = event;
    if (!out->trap_due)
        return;
    out->trap_due = false;
    if (__atomic_compare_exchange_n(&event->ctx->traps, &before, out->trap_next, false,
                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return;
    while (before->output->trap_next != event)
        before = before->output->trap_next;
    before->output->trap_next = out->trap_next;
}

static void send_trap(struct perf_event_context *ctx)
{
    irq_disable();
    struct perf_event *event = __atomic_load_n(&ctx->traps, __ATOMIC_RELAXED);
    do {
        if (!event) { // the event has just left the context
            irq_enable();
            return;
        }
    } while (!__atomic_compare_exchange_n(&ctx->traps, &event, event->output->trap_next, false,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    u64 addr = event->output->trap_addr, data = event->attr.sig_data;
    u32 type = event->attr.type;
    event->output->trap_due = false;
    event->output->told_in = ctx->stay + 1;
    irq_enable(); // from here on the event may end
    perf_signal_trap(addr, type, data);
}

void perf_user_return(void)
{
    struct perf_event_context *ctx = current_task()->perf_ctx;
    while (ctx && __atomic_load_n(&ctx->traps, __ATOMIC_RELAXED))
        send_trap(ctx);
}

// ---- limits, poll ----

static void refresh(struct perf_event *event, void *arg)
{
    event->output->limit += *(u32 *)arg;
    perf_set_enabled(event, NULL);
}

int perf_event_refresh(struct perf_event *event, u32 n)
{
    if (event->attr.inherit || !event->attr.sample_period)
        return -EINVAL;
    mutex_lock(&perf_mutex);
    perf_ctx_run(event, refresh, &n);
    mutex_unlock(&perf_mutex);
    return 0;
}

// True if the event's task and the tasks of all its copies have ended, so nothing will ever come.
static bool is_over(const struct perf_event *event)
{
    return perf_event_ended(event) && list_empty(&event->children);
}

u32 perf_event_poll(struct perf_event *event)
{
    bool have, ready = perf_buffer_poll(event, &have);
    u32 bits = ready ? PERF_POLL_IN : 0;
    return bits | (!have || is_over(event) ? PERF_POLL_HUP : 0);
}
