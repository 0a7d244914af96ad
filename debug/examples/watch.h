// "watch=SYMBOL[:w|:rw]" on the command line: watches a kernel variable on all CPUs from boot on
// and prints who touches it. It is an example, to copy from: docs/api.md explains the calls.
#pragma once

// Starts the watch; says so, or why not. Nothing without the option. Task context.
void watch_start(void);
