// Interrupts that only upper layers know, and the tick: who is told.
#include "arch/x86/user/devices.h"
#include "debug/kgdb/kgdb.h"
#include "debug/retarget.h"
#include "linux/fs/console.h"
#include "linux/perf/sample.h"
#include "linux/perf/wakeup.h"
#include "linux/sched/timer.h"
#include "sched/upcalls.h"
#include "test/kernel/ktest.h"

bool device_irq(struct trapframe *f)
{
    switch (f->vector) {
    case IRQ_TIMER:
        perf_sample_clocks();
        return true;
    case IPI_PERF:
        perf_irq_work();
        return true;
    case IPI_TIMERS:
        timers_run();
        return true;
    case IRQ_SERIAL1:
        console_serial_input();
        return true;
    case IRQ_SERIAL2:
        debugger_line(f);
        return true;
    case IRQ_KEYBOARD:
        keyboard_irq();
        return true;
    case IPI_RETARGET:
        retarget_here();
        return true;
    case IPI_DEBUGGER:
        debugger_irq();
        return true;
    default:
        return false;
    }
}

void sched_ticked(struct trapframe *f)
{
    struct task *t = current_task();
    *(from_user(f) ? &t->user_ticks : &t->system_ticks) += 1;
    timers_run();
    perf_sample_tick();
    ktest_tick();
}
