// Claims: they tie the numbers that slots.h counts to live breakpoints and tasks. One mutex
// (RANK_SLOTS) guards all of it, so no one sees half a reservation.
#pragma once

#include "arch/x86/debugreg.h"
#include "hwbp/hwbp.h"
#include "kernel/base/list.h"

// This layer's part of a task's perf context (pmu_data). It is made with the first breakpoint.
struct bp_task {
    struct slot_task kept, recount; // its tally, and a second one in which the recount counts
    struct dr_image parked;         // the registers of its breakpoints while the task is away
};

// Admits a claim whose other fields are set, and adds it to the list of live claims. 0, -ENOSPC or
// -ENOMEM. /proc/hwbp shows the refusal. Task context.
int claim_reserve(struct bp_claim *claim);
// The same for an inherited copy, which is never refused for a slot. 0 or -ENOMEM.
int claim_inherit(struct bp_claim *claim);
void claim_release(struct bp_claim *claim);

// Reserve and release (of a wide claim) for a debugger that has stopped all CPUs. -EBUSY or false,
// and nothing has changed, when a task was stopped while it held the mutex.
int claim_try_reserve(struct bp_claim *claim);
bool claim_try_release(struct bp_claim *claim);

// Releases an event's own claim, unless it was flushed before; leaves a wide one alone.
void claim_release_event(struct perf_event *event);

// For /proc/hwbp: this event's request `attr` was refused with `err`, -EINVAL or -EOPNOTSUPP.
void remember_invalid(const struct perf_event *event, const struct perf_event_attr *attr, int err,
                      const char *why);

// Prints the kept counts and the recount next to each other (for the panic).
void claims_print(void);

// "slots ..." and "refused ..." lines of /proc/hwbp.
void claims_show(struct text *t);
