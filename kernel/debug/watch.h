// /proc/watch: watch a kernel symbol on all CPUs and say who touches it, with a backtrace. The
// smallest consumer of the breakpoint API: read it to learn how to write one.
#pragma once

#include "arch/x86/types.h"

void watch_init(void);

// "symbol", "symbol:w" (the default), "symbol:rw" or "symbol:x" starts a watch in place of the one
// before; an empty line ends it. n, or -EINVAL, -ENOENT (no such symbol), or what
// hwbp_register_wide() says. Task context.
ssize_t watch_write(const char *text, size_t n);

// The watch, its hits, and the first accesses with their backtraces. Returns the length (at most
// size).
size_t watch_show(char *buf, size_t size);
