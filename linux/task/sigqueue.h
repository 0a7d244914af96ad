// Sets of pending signals with their siginfo. The caller holds the process's signal_lock.
#pragma once

#include "linux/task/signal.h"

// Adds a signal; `info` may be NULL. 0, or -EAGAIN when there is no memory for a real-time
// signal's entry (a standard signal is then pending without its siginfo, as POSIX allows).
int sigpending_add(struct sigpending *q, int sig, const struct siginfo *info);
// The nth entry of the queue, from 0, in the order of sending. False if there are fewer.
bool sigpending_peek(const struct sigpending *q, u64 n, struct siginfo *out);
// Takes the lowest signal of `allowed`, of those that faults cause first, and its siginfo. Its
// number, 0: none.
int sigpending_take(struct sigpending *q, u64 allowed, struct siginfo *out);
// Forgets all signals of the set.
void sigpending_flush(struct sigpending *q, u64 set);
