// What the victim does with signals, and what provokes them (signals.c).
#pragma once

#include "test/fuzz/fuzz.h"

// The handler of all signals. What touch() provokes ends touch(); other faults end the thread; a
// signal that context_storm() has sent changes the context that the handler returns to.
void on_signal(int sig, void *info, void *context);
// Installs it for every signal.
void signals_begin(void);
// Signals itself, so that the frame on the stack is changed under rt_sigreturn.
void context_storm(uint64_t seed);
// Does something with this address, or with the CPU, that may fault.
void touch(uint64_t addr, uint64_t how);

void fill_action(void *at, struct rng *r);
void fill_siginfo(void *at, struct rng *r);
