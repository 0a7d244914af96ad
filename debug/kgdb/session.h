// The talk with gdb while the machine is stopped.
#pragma once

#include "debug/kgdb/stop.h"

// gdb's numbers for signals. They differ from Linux's for SIGBUS.
#define KGDB_SIGINT  2
#define KGDB_SIGILL  4
#define KGDB_SIGTRAP 5
#define KGDB_SIGFPE  8
#define KGDB_SIGBUS  10
#define KGDB_SIGSEGV 11

// Tells gdb why the machine has stopped, if gdb waits for that. Then it carries out gdb's commands
// until one lets the machine go on, and `plan` says how. Called by the leader.
void kgdb_session(const struct stop *why, struct plan *plan);

// True after gdb has sent a packet and until it detaches. Any context. Protected.
bool kgdb_attached(void);
