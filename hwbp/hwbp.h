// Hardware breakpoints, as the rest of the kernel uses them.
//
// A breakpoint is a perf event of type PERF_TYPE_BREAKPOINT. Its slot is reserved when it is made,
// and kept until it is released, also while it is disabled (hwbp/reserve.c; the rules are in
// hwbp/slots.h). The PMU decides in which register it sits, and when (hwbp/pmu.c).
#pragma once

#include "hwbp/slots.h"
#include "kernel/base/printk.h"
#include "hwbp/bp.h"

struct hwbp_wide;

// A kernel built without breakpoints (make HWBP=0) has the same calls, from hwbp/off/off.c: what
// would make or change a breakpoint answers -ENODEV there.

// Registers the PMU and its registers: after perf_init(), before the other CPUs start.
void hwbp_init(void);
// Reads "slots=" from the command line, for as many CPUs as have started. Before the first task.
void hwbp_slots_init(void);

// A breakpoint of one task, wherever it runs, or of one CPU, whatever runs there, is a plain perf
// event: perf_event_create_kernel_counter() makes it, perf_event_release_kernel() ends it. Besides
// the errors of every event it gives -ENOSPC (no slot), -EINVAL (type, length, alignment, kernel
// address with exclude_kernel, protected area) and -EOPNOTSUPP.

// A breakpoint on every CPU, for whatever runs there. Its slots are reserved on all CPUs or on
// none, in one step that no other request can see half done. Then it is armed on all CPUs at once.
// It is one object with one count, one address and one switch. An offline CPU has its part, too,
// and comes back with it. The same errors. Task context.
struct hwbp_wide *hwbp_register_wide(const struct perf_event_attr *attr, perf_overflow_fn fn,
                                     void *arg);
void hwbp_unregister_wide(struct hwbp_wide *wide);
u64 hwbp_wide_count(struct hwbp_wide *wide);
struct perf_event *hwbp_wide_event(const struct hwbp_wide *wide, u32 cpu); // that CPU's part
void hwbp_wide_enable(struct hwbp_wide *wide);
void hwbp_wide_disable(struct hwbp_wide *wide);
// The same as hwbp_modify(), for all CPUs. On -EINVAL or -EOPNOTSUPP no CPU has changed.
int hwbp_wide_modify(struct hwbp_wide *wide, u64 addr, u32 bp_type, u64 bp_len);

// Changes address, type and length. The slot is kept, so this works also when all slots are taken.
// 0, or -EINVAL or -EOPNOTSUPP, and nothing has changed. Task context.
int hwbp_modify(struct perf_event *event, u64 addr, u32 bp_type, u64 bp_len);

// The two halves of hwbp_modify(). hwbp_check() returns 0, -EINVAL or -EOPNOTSUPP. hwbp_apply()
// changes one event, which keeps its place; it is a function for perf_ctx_run(), and its arg is an
// attr that hwbp_check() has accepted.
int hwbp_check(const struct perf_event *event, const struct perf_event_attr *attr);
void hwbp_apply(struct perf_event *event, void *arg);

// How many breakpoints exist.
u32 hwbp_live(void);

// Debug builds only: slot counts against a recount from the live events, as after every operation.
// A difference is a panic that prints both tables. Task context.
void hwbp_check_slots(void);

// The rule set now, and a change of it: -EBUSY while a breakpoint exists, -EINVAL for an unknown
// name.
enum slot_rules hwbp_rules(void);
int hwbp_set_rules(const char *name);
