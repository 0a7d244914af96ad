// Sets of pending signals with their siginfo. The caller holds the process's signal_lock.
#pragma once

#include "linux/task/signal.h"

// Adds a signal. `info` may be NULL. The signal gets an entry if there is memory, and if all queues
// together have fewer than `limit` entries (RLIMIT_SIGPENDING). As on Linux the entries are counted
// for the user, and all programs are root's. The limit does not apply to a standard signal that the
// kernel or kill(2) sends. Without an entry a signal is pending without its siginfo, which POSIX
// allows (sigqueue(3)). The call returns 0 then. But for a real-time signal that sigqueue(3) or
// tgkill(2) sends, it returns -EAGAIN.
int sigpending_add(struct sigpending *q, int sig, const struct siginfo *info, u64 limit);
// How many entries there are in all queues.
u64 sigpending_entries(void);
// Copies n entries of the queue, in the order of sending, after the first `from`. Returns how many
// there were.
u32 sigpending_peek(const struct sigpending *q, u64 from, struct siginfo *out, u32 n);
// Takes one signal of the set `allowed` with its siginfo. It takes the lowest of SIG_FAULTS, or,
// without any of them, the lowest signal. Returns its number, or 0 when there is none.
int sigpending_take(struct sigpending *q, u64 allowed, struct siginfo *out);
// Forgets all signals of the set. Their entries go to the list `gone`. sigpending_free() frees that
// list, and needs no lock.
void sigpending_flush(struct sigpending *q, u64 set, struct list *gone);
void sigpending_free(struct list *gone);
