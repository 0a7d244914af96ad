// The registered PMUs, seen from inside perf.
#pragma once

#include "arch/x86/platform.h"
#include "perf/context.h"

// The PMU that serves attr.type, or NULL.
const struct pmu *perf_pmu_find(u32 type);

// The PMU that is edited between begin and commit, and parks. One that does nothing: there is none.
extern const struct pmu *perf_hardware;

// Brackets for edits of what runs on this CPU. May nest. IRQs off.
static inline void perf_edit_begin(void)
{
    struct perf_cpu *pc = this_perf_cpu();
    if (pc->edit_depth++)
        return;
    pc->edit_ns = clock_ns();
    perf_hardware->begin();
}

static inline void perf_edit_commit(void)
{
    if (--this_perf_cpu()->edit_depth == 0)
        perf_hardware->commit();
}

// task_flush() of every PMU, for the running task.
void perf_flush_task(struct task *t);
