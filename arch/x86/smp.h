// Other CPUs: starting them, calling functions on them, stopping them.
#pragma once

#include "arch/x86/types.h"

// Starts all CPUs of the MADT but this one (INIT, SIPI, SIPI; SDM vol. 3, 9.4.4) and waits until
// each has reached sched_ap_main() or a second has passed. A CPU that does not come is logged and
// left out. At most `limit` CPUs in all.
void smp_start_all(u32 limit);

// Runs fn(arg) on `cpu` in interrupt context, IRQs off, and waits until it has returned. For the
// calling CPU it is a plain call, IRQs off. A CPU that waits here with IRQs off serves the calls
// made to it, so two CPUs may call each other. One that waits with IRQs on halts soon, and may run
// other tasks. fn may wait only for locks that are always taken with IRQs off. False, and fn did
// not run, when that CPU is offline.
bool smp_call(u32 cpu, void (*fn)(void *), void *arg);

// The same at once on every online CPU, this one included, that has the page table `root` loaded. 0
// stands for any page table. Waits for all of them.
void smp_call_users(u64 root, void (*fn)(void *), void *arg);

static inline void smp_call_all(void (*fn)(void *), void *arg)
{
    smp_call_users(0, fn, arg);
}

// Waits until every online CPU has passed a point with IRQs on. Every section with IRQs off that
// had begun before is over then. So an object that was unlinked from a list can be freed, if all
// readers of the list keep IRQs off. (The idea is known as RCU, read-copy-update.) Task context,
// IRQs on.
void smp_wait_for_all(void);

// Serves the calls made to this CPU. Loops that wait with IRQs off call it. Spinlocks need not: the
// holder of a lock never waits for an IPI (kernel/base/spinlock.h, L3).
void smp_serve_calls(void);

// Makes `cpu` take an interrupt and look at what is due there. With preemption off the interrupt is
// sent when preemption is on again. The task that it wakes may want the lock that is held here. And
// a virtual CPU that wakes another one may lose its place on the host to it.
void smp_reschedule(u32 cpu);
// Sends what waits for that. preempt_count is 0, IRQs are off.
void smp_send_kicks(void);

// This CPU joins those that answer calls and take part in shootdowns, with no old translation.
// IRQs off.
void smp_join(void);

// NMI to all other CPUs: they stop for ever. For panic.
void smp_stop_others(void);
