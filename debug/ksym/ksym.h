// The symbol tracer: who reads or writes a kernel variable, recorded for all accesses on all CPUs.
// Its files have the names of Linux's ksym tracer of 2009, below /sys/kernel/debug/tracing:
//
//   ksym_trace_filter       what is traced, one line each; see ksym_filter_write()
//   trace                   the accesses, see ksym_trace_show(); then the kernel's trace
//                           (linux/sched/trace.h)
//   trace_stat/ksym_tracer  how many hits each traced variable has had
#pragma once

#include "kernel/base/ksym.h"
#include "linux/fs/procfs.h"

struct perf_event;

// Makes the files. After fs_init().
void ksym_init(void);

// ---- filter.c: what is traced ----

void ksym_filters_init(void); // part of ksym_init()

// Takes one request. A newline may follow it.
//
//   SYMBOL[+OFFSET][/LENGTH]:ACCESS   ACCESS is rw- (reads and writes), -w- (writes) or --- (stop
//                                     tracing it)
//   "", "0" or "*:---"                stop tracing everything
//
// Without LENGTH the request gets the greatest length that fits. It is 8, 4, 2 or 1 bytes, aligned,
// and does not reach past the symbol's end. If the variable is traced already, its access or
// length changes in place, and its hits stay. Returns 0, or an error, and then nothing has changed:
//
//   -EINVAL      malformed; an access that x86 has no condition for; an offset outside the symbol;
//                a bad length; a variable that #DB itself uses
//   -ENOENT      there is no such symbol, or "---" for a variable that is not traced
//   -ENOSPC      no slot
//   -EOPNOTSUPP  a length that would need an address mask
//   -ENOMEM, -ENODEV (a kernel without breakpoints)
//
// Task context.
int ksym_filter_write(const char *text, u64);

// The texts of the files ksym_trace_filter and trace_stat/ksym_tracer (struct gen_file).
void ksym_filter_show(struct text *t, u64);
void ksym_stat_show(struct text *t, u64);

// ---- trace.c: what has been seen ----

// The callback of every traced variable's breakpoints: records one access. #DB context.
void ksym_trace_hit(struct perf_event *event, struct trapframe *regs);

// The text of the file "trace". It says how many accesses are in it, and how many were recorded
// since it was last emptied. It also says how many of these were overwritten by newer ones. Then
// comes a line for each access, in the order of time. Task context.
void ksym_trace_show(struct text *t, u64);
// A write of any text drops the accesses. Opening with O_TRUNC drops all that is in the file.
int ksym_trace_write(const char *text, u64);
void ksym_trace_clear(void);

// Adds "symbol" or "symbol+0x8", or a number if the address belongs to no symbol.
void ksym_add_name(struct text *t, u64 addr);
