// May a breakpoint be there? The checks that need no slot and no register.
#pragma once

#include "hwbp/bp.h"

// Fills bp->addr, type, len from attr. 0, or -EINVAL: unknown type, R alone (x86 cannot), bad
// length (execute wants 8), address not aligned to the length, range that wraps, kernel address
// with exclude_kernel, kernel area on the #DB path (docs/hwbp.md lists them); -EOPNOTSUPP: a power
// of two that needs an address mask. Then *why is the reason, a constant text. Pure.
int hwbp_parse(const struct perf_event_attr *attr, struct hw_breakpoint *bp, const char **why);
