// The symbol tracer: who reads or writes a kernel variable, recorded for all accesses on all CPUs.
// Its files have the names of Linux's ksym tracer of 2009, below /sys/kernel/debug/tracing:
//
//   ksym_trace_filter       what is traced, one line each; see ksym_filter_write()
//   trace                   the accesses; see ksym_trace_show()
//   trace_stat/ksym_tracer  how many hits each traced variable has had
#pragma once

#include "arch/x86/trap.h"
#include "kernel/base/ksym.h"
#include "linux/fs/procfs.h"

struct perf_event;

// Makes the files. After fs_init().
void ksym_init(void);

// ---- filter.c: what is traced ----

void ksym_filters_init(void); // part of ksym_init()

// One request, a newline behind it allowed:
//
//   SYMBOL[+OFFSET][/LENGTH]:ACCESS   ACCESS is rw- (reads and writes), -w- (writes) or --- (trace
//                                     it no more)
//   "", "0" or "*:---"                trace nothing any more
//
// Without a length it is the greatest that fits: 8, 4, 2 or 1 bytes, aligned, not past the
// symbol's end. What is traced already changes its access or length in place and keeps its hits.
// 0, or with nothing changed -EINVAL (malformed, an access x86 has no condition for, an offset
// outside the symbol, a bad length, a variable on the path of #DB itself), -ENOENT (no such
// symbol; "---" for what is not traced), -ENOSPC (no slot), -EOPNOTSUPP (a length that needs an
// address mask), -ENOMEM, -ENODEV (a kernel without breakpoints). Task context.
int ksym_filter_write(const char *text, u64);

// Texts of the files ksym_trace_filter and trace_stat/ksym_tracer (struct gen_file).
void ksym_filter_show(struct text *t, u64);
void ksym_stat_show(struct text *t, u64);

// ---- trace.c: what has been seen ----

// The callback of every traced variable's breakpoints: records one access. #DB context.
void ksym_trace_hit(struct perf_event *event, struct trapframe *regs);

// The file "trace": how many accesses are here and how many were recorded since it was last
// emptied, how many of these newer ones have overwritten, then a line for each that is here, in
// order of time. Task context.
void ksym_trace_show(struct text *t, u64);
// Whatever is written empties it, and so does opening it with O_TRUNC.
int ksym_trace_write(const char *text, u64);
void ksym_trace_clear(void);

// "symbol" or "symbol+0x8"; an address that belongs to no symbol as a number.
void ksym_add_name(struct text *t, u64 addr);
