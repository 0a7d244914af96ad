// Claims: they tie the numbers that slots.h counts to live breakpoints and tasks. One mutex
// (RANK_SLOTS) guards all of it, so no one sees half a reservation.
#pragma once

#include "hwbp/hwbp.h"
#include "sched/wait.h"

#define REFUSALS 8

// All that this layer knows of slots, also for who shows it, checks it, or has stopped the machine.
extern struct claims {
    struct mutex mutex; // RANK_SLOTS: guards the rest, and every task's tally
    struct slot_table table;
    struct list live;
    char refusals[REFUSALS][192]; // the last ones in words: number n is in [n % REFUSALS]
    u64 nr_refusals;
} claims;

// This layer's part of a task's perf context (pmu_data). It is made with the first breakpoint.
struct bp_task {
    struct slot_task kept, recount; // its tally, and a second one in which the recount counts
    struct dr_image parked;         // the registers of its breakpoints while the task is away
};
// NULL: no task, or it has had no breakpoint yet.
struct bp_task *tally_of(const struct task *task);

// Admits a claim whose other fields are set, and adds it to the list of live claims. 0, -ENOSPC or
// -ENOMEM. An inherited copy is never refused for a slot. /proc/hwbp shows a refusal. Task context.
int claim_reserve(struct bp_claim *claim, bool inherited);
void claim_release(struct bp_claim *claim);
// The same by who holds the mutex, or has stopped all CPUs while nobody holds it.
int claim_admit(struct bp_claim *claim, bool inherited);
void claim_drop(struct bp_claim *claim);

// For /proc/hwbp: this event's request `attr` was refused with `err`, -EINVAL or -EOPNOTSUPP.
void remember_invalid(const struct perf_event *event, const struct perf_event_attr *attr, int err,
                      const char *why);

// Debug builds: the table must equal what the live claims add up to (kernel/checks/breakpoints.c).
// The mutex is held.
void claims_check(void);
// Prints a table's counts (for the panic).
void claims_print(const char *name, const struct slot_table *t);
