// The slot rules: which breakpoint may exist at all. They are arithmetic: this file knows no CPU
// and no task, only numbers, and the host's tests compile it unchanged. docs/slots.md explains the
// three rule sets.
//
// Invariant, under every rule set and after every operation: no CPU needs more than SLOTS_PER_CPU
// registers, whatever tasks run on the CPUs. All flexible breakpoints of a CPU together need one.
//
// The kernel keeps one struct slot_table. The caller serialises all calls (in the kernel by
// RANK_SLOTS). A call takes O(nr_cpus) steps, however many tasks there are.
#pragma once

#include "arch/x86/types.h"

#define SLOTS_PER_CPU 4
#define SLOT_CPUS     64

enum slot_rules { SLOTS_2009, SLOTS_EXACT, SLOTS_MAINLINE };

// The tally of one task: how many breakpoints it holds for one CPU each, and for every CPU. It is
// zeroed at first; the caller keeps it with the task. Of pinned ones, at most SLOTS_PER_CPU can run
// on a CPU; the number of flexible ones has no bound here.
struct slot_task {
    u32 every_pinned, every_flexible;
    u32 cpu_pinned[SLOT_CPUS], cpu_flexible[SLOT_CPUS];
};

struct slot_cpu {
    u32 cpu_pinned;   // pinned breakpoints bound to this CPU and to no task
    u32 cpu_flexible; // flexible ones bound to this CPU and to no task
    u32 flexible;     // flexible ones that can run here, of the CPU and of all tasks
    // tasks[f][n]: how many tasks hold exactly n pinned ones that can run here, and at least one
    // flexible one (f = 1) or none (f = 0). Tasks that hold nothing here are not counted, so
    // tasks[0][0] stays 0.
    u32 tasks[2][SLOTS_PER_CPU + 1];
};

// All u32 and zeroed at first, so memcmp() can compare two of them.
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

// Why a request was refused. In registers: by_cpu + by_task + kept + asked > SLOTS_PER_CPU.
struct slot_refusal {
    u32 cpu;      // the CPU that decided
    u32 by_cpu;   // pinned breakpoints of this CPU and no task
    u32 by_task;  // pinned breakpoints of the task that decided (2009: of the greatest holder)
    u32 kept;     // 1 if a register is kept for flexible breakpoints
    u32 flexible; // how many flexible breakpoints share it
    u32 asked;    // 1, or 0 for a flexible breakpoint that joins others
};

// Empties the table for `nr_cpus` CPUs under a rule set.
void slots_init(struct slot_table *t, enum slot_rules rules, u32 nr_cpus);

// Admits and counts a request. 0; or -ENOSPC: nothing has changed, and *why says the reason (`why`
// may be NULL). A request for every CPU is counted on all CPUs or on none.
int slots_reserve(struct slot_table *t, const struct slot_request *r, struct slot_refusal *why);

// Counts a breakpoint that needs no admission: an inherited copy, or one that a recount counts
// again. A copy always fits, because a child holds no more on any CPU than its parent holds at this
// moment (docs/slots.md). If a CPU would need more than its registers, that is a panic.
void slots_inherit(struct slot_table *t, const struct slot_request *r);

// The greatest number of pinned breakpoints that one task holds for this CPU.
u32 slots_max_task(const struct slot_cpu *c);

// Takes back what slots_reserve() or slots_inherit() has counted for an equal request. A request
// that was not counted is a panic.
void slots_release(struct slot_table *t, const struct slot_request *r);

// "2009", "exact", "mainline", and back. False for another name.
const char *slots_name(enum slot_rules rules);
bool slots_parse(const char *name, enum slot_rules *rules);

// The refusal in words (hwbp/words.c); they tell what is held: "cpu 1: 3 pinned by the CPU + 1 kept
// for 9 flexible = 4". Writes at most `size` bytes with the NUL (size > 0) and returns the length.
int slots_explain(const struct slot_refusal *why, char *buf, size_t size);
