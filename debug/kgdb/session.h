// The talk with gdb while the machine is stopped.
#pragma once

#include "debug/kgdb/stop.h"

// gdb has numbers of its own for signals: Linux's, but for SIGBUS.
#define KGDB_SIGINT  2
#define KGDB_SIGILL  4
#define KGDB_SIGTRAP 5
#define KGDB_SIGFPE  8
#define KGDB_SIGBUS  10
#define KGDB_SIGSEGV 11

// Tells gdb why, if it waits for that, and obeys it until it lets the machine go on. The leader.
void kgdb_session(const struct stop *why, struct plan *plan);

// The machine goes off: gdb, if it waits for a stop, is told that the "process" has exited.
void kgdb_say_goodbye(u32 status);

// Has gdb spoken, and not taken its leave? Any context. Protected.
bool kgdb_attached(void);
