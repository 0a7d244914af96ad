// The slot rules: which breakpoint may exist at all. Pure arithmetic: no CPU, no task, only
// numbers; compiled on the host unchanged. docs/slots.md explains the three rule sets.
//
// Invariant, under every rule set and after every operation: however the tasks are placed, no CPU
// needs more than SLOTS_PER_CPU registers, where the flexible ones of a CPU need one together.
//
// The kernel keeps one struct slot_table; the caller serialises all calls (in the kernel:
// RANK_SLOTS). Every call takes O(nr_cpus) steps, however many tasks there are.
#pragma once

#include "arch/x86/types.h"

#define SLOTS_PER_CPU 4
#define SLOT_CPUS     64

enum slot_rules { SLOTS_2009, SLOTS_EXACT, SLOTS_MAINLINE };

// What one task holds; `every_*` are those for every CPU. The caller keeps it beside the task,
// zeroed at first. Flexible ones are not bounded; pinned ones are: SLOTS_PER_CPU can run on one
// CPU.
struct slot_task {
    u32 every_pinned, every_flexible;
    u32 cpu_pinned[SLOT_CPUS], cpu_flexible[SLOT_CPUS];
};

struct slot_cpu {
    u32 cpu_pinned;   // pinned breakpoints bound to this CPU and to no task
    u32 cpu_flexible; // flexible ones bound to this CPU and to no task
    u32 flexible;     // flexible ones that can run here, of the CPU and of all tasks
    // tasks[f][n]: how many tasks hold exactly n pinned ones that can run here, and some flexible
    // one (f = 1) or none (f = 0). Who holds nothing here is not counted: tasks[0][0] stays 0.
    u32 tasks[2][SLOTS_PER_CPU + 1];
};

struct slot_table {
    enum slot_rules rules;
    u32 nr_cpus; // possible CPUs: 1 .. SLOT_CPUS
    u32 live;    // breakpoints held; a wide one counts once
    struct slot_cpu cpu[SLOT_CPUS];
};

struct slot_request {
    struct slot_task *task; // NULL: bound to no task
    s32 cpu;                // -1: every CPU
    bool pinned;            // "mainline" treats every request as pinned
};

// Why a request was refused, in registers: by_cpu + by_task + kept + asked > SLOTS_PER_CPU.
struct slot_refusal {
    u32 cpu;      // the CPU that decided
    u32 by_cpu;   // pinned ones bound to it and to no task
    u32 by_task;  // pinned ones of the task that decided (2009: of the greatest holder)
    u32 kept;     // 1 if flexible ones keep a register
    u32 flexible; // how many keep it together
    u32 asked;    // 1, or 0 for a flexible one that joins others
};

// Empties the table for `nr_cpus` CPUs under a rule set.
void slots_init(struct slot_table *t, enum slot_rules rules, u32 nr_cpus);

// 0 and counted, or -ENOSPC and nothing changed, `why` (may be NULL) filled. A request for every
// CPU is one step: all CPUs or none.
int slots_reserve(struct slot_table *t, const struct slot_request *r, struct slot_refusal *why);

// Counts a breakpoint that cannot but fit, whatever the rule set: the inherited copy of one, as
// long as the child holds no more on any CPU than its parent does at this moment; or one that was
// admitted before, in a recount. A CPU over-committed by it is a panic.
void slots_inherit(struct slot_table *t, const struct slot_request *r);

// Takes back exactly what reserve or inherit counted for an equal request; anything else is a
// panic.
void slots_release(struct slot_table *t, const struct slot_request *r);

// True if two tables keep the same counts for all CPUs.
bool slots_equal(const struct slot_table *a, const struct slot_table *b);

// "2009", "exact", "mainline", and back. False for another name.
const char *slots_name(enum slot_rules rules);
bool slots_parse(const char *name, enum slot_rules *rules);

// The refusal in words, what is held and not what was asked: "cpu 1: 3 pinned by the CPU + 1 kept
// for 9 flexible = 4". Writes at most size bytes, NUL included (size > 0); returns the length
// written.
int slots_explain(const struct slot_refusal *why, char *buf, size_t size);
