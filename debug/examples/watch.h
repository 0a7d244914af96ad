// "watch=SYMBOL[:w|:rw]" on the command line: watches a kernel variable on all CPUs from boot on
// and prints who touches it. It is an example, to copy from: docs/api.md explains the calls.
#pragma once

// Starts the watch, and logs that it did, or why it could not. Without the option it does nothing.
// Task context.
void watch_start(void);
