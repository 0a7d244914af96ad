// The cap on overflows, seen from inside perf (the rest is in linux/perf/sample.h).
#pragma once

#include "perf/event.h"

// False when the event has had its share of this tick: this overflow is not told. IRQs off, where
// the event is ACTIVE.
bool perf_may_overflow(struct perf_event *event);
