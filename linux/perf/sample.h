// Sampling: when a count overflows its period, and what the sample says.
#pragma once

#include "arch/x86/trap.h"
#include "linux/perf/abi.h"

struct perf_event;
struct perf_event_context;
struct words;

// Words of the trailer that sample_id_all appends to records, at most.
#define PERF_SAMPLE_ID_WORDS 6
// Members a group may have if samples contain their counts (PERF_SAMPLE_READ and GROUP).
#define PERF_SAMPLE_GROUP_MAX 32

// Whether this kernel has what a new event's samples ask for: 0, -EINVAL (the clock is not one that
// its PMU can read; there is no AUX), -EOVERFLOW (sample_max_stack), -EOPNOTSUPP (branches, AUX, or
// registers that no frame has).
int perf_sample_check(const struct perf_event *event);
// The time for records of the event, by the clock it has chosen; and whether two chose the same.
u64 perf_clock(const struct perf_event *event);
bool perf_same_clock(const struct perf_event *a, const struct perf_event *b);
// The first period of a new event.
void perf_sample_init(struct perf_event *event);
// ioctl PERIOD: the same for a running one, at once. Context lock held.
void perf_sample_set_period(struct perf_event *event, u64 period);

// `nr` more counts of a sampling event at `regs` (NULL: the kernel, here). Same context as
// perf_event_count().
void perf_sample_count(struct perf_event *event, u64 nr, struct trapframe *regs, u64 addr);

// The trailer of a record of `event`: bytes, 0 without sample_id_all. Any context, IRQs off.
u16 perf_put_sample_id(const struct perf_event *event, u64 *words);
// pid and tid of the running task, as one word.
u64 perf_put_ids(void);
// The values of PERF_SAMPLE_READ. Any context, IRQs off, where its context runs.
void perf_put_sample_read(struct words *w, struct perf_event *event);

// Each tick: who was throttled may go on, who has a frequency gets a new period. IRQs off.
void perf_sample_tick(void);

// Overflows a second that one event may have (/proc/sys/kernel/perf_event_max_sample_rate). Set: 0
// or -EINVAL.
u64 perf_max_sample_rate(void);
int perf_set_max_sample_rate(u64 rate);
