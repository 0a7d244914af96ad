// Sets of pending signals with their siginfo. The caller holds the process's signal_lock.
#pragma once

#include "linux/task/signal.h"

// Adds a signal; `info` may be NULL. 0, or -EAGAIN: there is no memory for the entry of a real-time
// signal. A standard signal is pending even without an entry, and has no siginfo then. POSIX allows
// that (sigqueue(3)).
int sigpending_add(struct sigpending *q, int sig, const struct siginfo *info);
// Copies the nth entry of the queue, counted from 0 in the order of sending. False if there are
// fewer.
bool sigpending_peek(const struct sigpending *q, u64 n, struct siginfo *out);
// Takes one signal of the set `allowed` with its siginfo: the lowest of SIG_FAULTS, or else the
// lowest one. Returns its number, or 0 when there is none.
int sigpending_take(struct sigpending *q, u64 allowed, struct siginfo *out);
// Forgets all signals of the set.
void sigpending_flush(struct sigpending *q, u64 set);
