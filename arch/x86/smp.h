// Other CPUs: starting them, calling functions on them, stopping them.
#pragma once

#include "arch/x86/types.h"

// Starts all CPUs of the MADT but this one (INIT, SIPI, SIPI; SDM vol. 3, 9.4.4) and waits until
// each has reached sched_ap_main() or a second has passed. A CPU that does not come is logged and
// left out. At most `limit` CPUs in all.
void smp_start_all(u32 limit);

// Runs fn(arg) on `cpu` and waits until it is done. There it runs in interrupt context, IRQs off.
// On the calling CPU it is a plain call with IRQs off. While waiting, a CPU with IRQs off serves
// calls made to it, so two CPUs may call each other. fn must not wait for anything but locks that
// are always taken with IRQs off. False, and fn did not run, when that CPU is not online.
bool smp_call(u32 cpu, void (*fn)(void *), void *arg);

// The same at once on every online CPU, this one included, that has the page table `root` loaded,
// whichever it has if that is 0. Waits for all.
void smp_call_users(u64 root, void (*fn)(void *), void *arg);

static inline void smp_call_all(void (*fn)(void *), void *arg)
{
    smp_call_users(0, fn, arg);
}

// Returns when every online CPU has passed a point with IRQs on: what any of them did with IRQs off
// before, it has done. So what has been taken out of a list that is read with IRQs off can be
// freed: no reader has it any more. Task context, IRQs on.
void smp_wait_for_all(void);

// Serves the calls made to this CPU. For loops that wait with IRQs off (spinlocks call it not: a
// lock holder never waits for an IPI; see kernel/base/spinlock.h L3).
void smp_serve_calls(void);

// Makes `cpu` take an interrupt and look at what is due there.
void smp_reschedule(u32 cpu);

// This CPU stops, or starts again, to be one that calls are made to and translations are forgotten
// on. Calls that are on their way while it leaves are served when its IRQs are on. It leaves with
// the kernel's own page tables loaded and comes back with no old translation. IRQs off.
void smp_leave(void);
void smp_join(void);

// NMI to all other CPUs: they stop for ever. For panic.
void smp_stop_others(void);
