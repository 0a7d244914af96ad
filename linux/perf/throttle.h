// The cap on overflows, seen from inside perf (the rest is in linux/perf/sample.h).
#pragma once

#include "perf/event.h"

// False if the event has overflowed too often in this tick. Then this overflow makes no sample. On
// the CPU where the event is ACTIVE, IRQs off.
bool perf_may_overflow(struct perf_event *event);
