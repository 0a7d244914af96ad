// Telling programs: work that an overflow leaves for task context, because #DB takes no lock.
//
// Two ways, for two kinds of promise:
//
//   W1  Wakeups, SIGIO and the stop at a limit are work of the original event: it is put into the
//       list of the CPU. After a #DB from ring 3 the list is drained before anything else can run
//       there (perf_debug_return), otherwise on the way to ring 3, or by a kernel thread that an
//       interrupt to this CPU itself wakes.
//   W2  A SIGTRAP is the task's own: it is noted in the event and sent by the task itself before it
//       executes another instruction in ring 3, wherever it is by then.
//
//   W3  Whatever does this work may be watched, too. So that it does not keep itself going: an
//       interrupt is asked for only when something has come into the list that was not there; a way
//       to ring 3 does the work once, and the thread once a tick; and of the hits in one stay in
//       the kernel an event tells the task one. What is left over waits for the next entry into the
//       kernel, at the latest a tick.
//
// An event is taken from the list by whoever takes the list; it ends only when it is in no list and
// nobody is busy with it (perf_work_finish).
#pragma once

#include "linux/perf/output.h"

enum {
    PERF_WORK_WAKE = BIT(0),       // poll(2)
    PERF_WORK_SIGNAL_IN = BIT(1),  // O_ASYNC, one for each overflow
    PERF_WORK_SIGNAL_HUP = BIT(2), // the same for the last one before the limit
    PERF_WORK_DISABLE = BIT(3),    // the limit is reached
};

// Leaves work for an original event. IRQs off, any context.
void perf_work_queue(struct perf_event *original, u32 work);
// An overflow: the signals only if the descriptor wants them.
void perf_work_overflow(struct perf_event *original, u32 work);
// What was queued here did not come from ring 3: an interrupt will see to it. IRQs off, any
// context.
void perf_work_interrupt(void);
// IPI_PERF, IRQs off: lets a thread do what a #DB in ring 0 has left.
void perf_irq_work(void);
// After this nobody uses the event any more. It must have left its context. Task context.
void perf_work_finish(struct perf_event *event);

// The running task owes itself a SIGTRAP of this event. IRQs off, any context.
//
// The list belongs to the CPU where the context runs, IRQs off. A #DB may still come in between and
// put an event in front, hence the exchanges.
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

// It owes none any more, for it leaves its context. Where the context runs, under its lock.
void perf_trap_forget(struct perf_event *event);

// ioctl REFRESH: n more overflows, and on. -EINVAL for inherited or not sampling ones.
int perf_event_refresh(struct perf_event *event, u32 n);
// POLL* of poll(2).
u32 perf_event_poll(struct perf_event *event);
