// How programs are told of overflows. A #DB takes no lock, so it leaves this work for task context:
//
//   W1  Wakeups, SIGIO and the stop at a limit are work of the original event. The event is put
//       into a list of the CPU. After a #DB from ring 3 the work is done before the program goes on
//       (perf_debug_return). Otherwise it is done on the way to ring 3, or by a kernel thread. An
//       interrupt from this CPU to itself wakes that thread.
//   W2  A SIGTRAP belongs to the task that made the hit. It is noted in the event. The task sends
//       it to itself before its next instruction in ring 3, on whatever CPU that is.
//   W3  The code that does this work may be watched, too. It must not keep itself going. So an
//       interrupt is asked for only when new work has come into the list. A way to ring 3 does the
//       work once, and the thread does it once a tick. If an event has several hits in one stay in
//       the kernel, it reports one of them. Work that is left waits for the next entry into the
//       kernel, which comes at the next tick at the latest.
//
// The code that does the work takes the whole list at once. An event may end only when it is in no
// list and no CPU does its work (perf_work_finish).
#pragma once

#include "linux/perf/output.h"

enum {
    PERF_WORK_WAKE = BIT(0),       // wake poll(2)
    PERF_WORK_SIGNAL_IN = BIT(1),  // send the signal of O_ASYNC, one for each overflow
    PERF_WORK_SIGNAL_HUP = BIT(2), // the same with POLL_HUP, for the last overflow
    PERF_WORK_DISABLE = BIT(3),    // the limit is reached: disable the event
};

// Adds work to an original event. IRQs off, any context.
void perf_work_queue(struct perf_event *original, u32 work);
// The same for an overflow. It leaves the signals out if the descriptor does not want them.
void perf_work_overflow(struct perf_event *original, u32 work);
// For work that does not come from a #DB in ring 3. If there is new work, asks for an interrupt to
// this CPU. IRQs off, any context.
void perf_work_interrupt(void);
// The handler of IPI_PERF: wakes the thread that does the work. IRQs off.
void perf_irq_work(void);
// Waits until nobody uses the event any more. The event has left its context. Task context.
void perf_work_finish(struct perf_event *event);

// The running task must send itself a SIGTRAP of this event. IRQs off, any context.
//
// Only the CPU where the context runs changes the list, with IRQs off. But a #DB may come at any
// point and put an event in front. So the list is changed by atomic exchanges.
static inline void perf_trap_owe(struct perf_event *event, u64 addr)
{
    struct perf_output *out = event->output;
    struct perf_event **list = &event->ctx->traps;
    if (out->trap_due || out->told_in == event->ctx->stay + 1) // W3
        return;
    out->trap_addr = addr;
    out->trap_due = true;
    out->trap_next = __atomic_load_n(list, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(list, &out->trap_next, event, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
        ;
    this_output_cpu()->fresh = true;
    cpu_set_due(DUE_RETURN);
}

// The event leaves its context, so its SIGTRAP is forgotten. On the CPU where the context runs,
// under its lock.
void perf_trap_forget(struct perf_event *event);

// ioctl REFRESH: enables the event for n more overflows. 0, or -EINVAL for an event that is
// inherited or does not sample. Task context.
int perf_event_refresh(struct perf_event *event, u32 n);
// The POLL* bits of poll(2).
u32 perf_event_poll(struct perf_event *event);
