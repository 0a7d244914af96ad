// The cap on overflows, and the clocks. The files of linux/perf share this (linux/perf/sample.h has
// the rest).
#pragma once

#include "perf/event.h"

// False if the event has overflowed too often in this tick. Then this overflow makes no sample. On
// the CPU where the event is ACTIVE, IRQs off.
bool perf_may_overflow(struct perf_event *event);

// ---- clocks (linux/perf/clock.c); on the CPU where the event's context runs, IRQs off ----

// A clock that samples begins a period. Context lock held.
void perf_clock_begin(struct perf_event *event);
// A clock is about to run, so the timer must not be late. Context lock held.
void perf_clock_runs(const struct perf_event *event);
// Makes a sample if one is due. *next becomes the moment of the clock's next sample, if that is
// earlier. In an interrupt.
void perf_clock_look(struct perf_event *event, u64 *next);
// A look at all clocks is done. It began at `begin`, and the next look is due at `next`.
void perf_clocks_seen(u64 begin, u64 next);
