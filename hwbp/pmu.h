// Seams between the files of hwbp.
#pragma once

#include "hwbp/bp.h"

// hwbp/db.c: puts the link of priority DIE_BREAKPOINT into the chain of exception handlers.
void hwbp_db_init(void);

// Debug builds (kernel/checks/breakpoints.c): on this CPU the registers hold exactly the events
// that are ACTIVE here, each once, and the hardware agrees. If not, a panic prints both. IRQs off,
// no edits open.
void hwbp_check_cpu(void);

// For the trace, when it is on; IRQs off. After a commit, and before the hits of a #DB are dealt
// with.
void hwbp_trace_commit(void);
void hwbp_trace_hits(const struct dr_hits *hits, u64 ip);
