// The registered PMUs, seen from inside perf.
#pragma once

#include "perf/event.h"

// The PMU that serves attr.type, or NULL.
const struct pmu *perf_pmu_find(u32 type);

// park() and unpark() of the PMU that has them.
void perf_pmu_park(struct perf_event_context *ctx);
bool perf_pmu_unpark(struct perf_event_context *ctx);

// task_flush() of every PMU, for the running task.
void perf_flush_task(struct task *t);
