// The victim's signals, and how it causes them (signals.c).
#pragma once

#include "test/fuzz/fuzz.h"

// The handler of all signals. A fault in touch() ends touch(), and any other fault ends the thread.
// A signal of context_storm() changes the context to which the handler returns.
void on_signal(int sig, void *info, void *context);
// Installs it for every signal.
void signals_begin(void);
// Signals itself, so that the frame on the stack is changed under rt_sigreturn.
void context_storm(uint64_t seed);
// Does something with this address, or with the CPU, that may fault.
void touch(uint64_t addr, uint64_t how);

void fill_action(void *at, struct rng *r);
void fill_siginfo(void *at, struct rng *r);
