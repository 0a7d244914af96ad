// Sampling: when a count overflows its period, and what the sample says.
#pragma once

#include "arch/x86/trap.h"
#include "linux/perf/abi.h"

struct perf_event;
struct perf_event_context;
struct words;

// The most words of the trailer that sample_id_all appends to records.
#define PERF_SAMPLE_ID_WORDS 6
// The most members that a group may have. It is limited because a sample may contain the counts of
// all members (PERF_SAMPLE_READ with PERF_FORMAT_GROUP).
#define PERF_SAMPLE_GROUP_MAX 32

// Whether this kernel has all parts that the samples of a new event ask for. Returns 0 if it has.
// -EINVAL: its PMU cannot read this clock, or there is no AUX area. -EOVERFLOW: sample_max_stack.
// -EOPNOTSUPP: branches, AUX, or registers that no frame has.
int perf_sample_check(const struct perf_event *event);
// perf_clock() gives the time for records of the event, in ns of the clock that it has chosen.
// perf_same_clock() says whether two events have chosen the same clock. Any context.
u64 perf_clock(const struct perf_event *event);
bool perf_same_clock(const struct perf_event *a, const struct perf_event *b);
// Begins the first period of a new event.
void perf_sample_init(struct perf_event *event);
// ioctl PERIOD: begins a period of this length now. Context lock held.
void perf_sample_set_period(struct perf_event *event, u64 period);

// A sampling event has counted `nr` times at `regs`. NULL stands for this place in the kernel. The
// same context as perf_event_count().
void perf_sample_count(struct perf_event *event, u64 nr, struct trapframe *regs, u64 addr);

// Puts the trailer of a record of `event`. Returns its bytes, 0 without sample_id_all. Any context,
// IRQs off.
u16 perf_put_sample_id(const struct perf_event *event, u64 *words);
// pid and tid of the running task, as one word.
u64 perf_put_ids(void);
// Puts the values of PERF_SAMPLE_READ. On the CPU where the event's context runs, any context, IRQs
// off.
void perf_put_sample_read(struct words *w, struct perf_event *event);

// Called at each tick. Events that were throttled go on. Events with a frequency get a new period.
// Clocks are looked at. IRQs off.
void perf_sample_tick(void);
// Called by the timer between ticks: clocks are looked at. IRQs off.
void perf_sample_clocks(void);

// How many overflows one event may have in a second (/proc/sys/kernel/perf_event_max_sample_rate).
// perf_set_max_sample_rate() sets it: 0 or -EINVAL.
u64 perf_max_sample_rate(void);
int perf_set_max_sample_rate(u64 rate);
