// The registered PMUs and the register file, seen from inside perf.
#pragma once

#include "arch/x86/platform.h"
#include "perf/context.h"

// The PMU that serves attr.type, or NULL.
const struct pmu *perf_pmu_find(u32 type);

// The register file: what the events of one PMU, the `limited` one, share. It is not a part of
// struct pmu: there is one file on each CPU, whoever counts in it, and it is edited as a whole.
// Between begin and commit nothing reaches the hardware. IRQs off, all of them.
struct perf_registers {
    u32 nr; // at most PERF_MAX_REGISTERS
    void (*begin)(void);
    void (*commit)(void);
    // All ACTIVE limited events of a task's context leave this CPU together. The context lock is
    // held.
    void (*park)(struct perf_event_context *ctx);
    // They are back as they were; or false: they cannot come back. The context lock is held.
    bool (*unpark)(struct perf_event_context *ctx);
    // The event of this context that is in register n of this CPU, or was when it was parked; NULL
    // if there is none.
    struct perf_event *(*owner)(const struct perf_event_context *ctx, u32 n);
};
extern const struct perf_registers *perf_registers; // one that does nothing until there is one

// Once, after perf_init() and before the other CPUs start: begin and commit must be the same ones.
void perf_registers_set(const struct perf_registers *registers);

// Brackets for edits of what runs on this CPU. May nest. IRQs off.
static inline void perf_edit_begin(void)
{
    struct perf_cpu *pc = this_perf_cpu();
    if (pc->edit_depth++)
        return;
    pc->edit_ns = clock_ns();
    perf_registers->begin();
}

static inline void perf_edit_commit(void)
{
    if (--this_perf_cpu()->edit_depth == 0)
        perf_registers->commit();
}
