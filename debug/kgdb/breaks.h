// gdb's breakpoints: in the text by INT3, and in the debug registers through debug/kgdb/stopped.h.
// The numbers of gdb's Z packets name the kinds.
//
// In the text they stand only while CPUs run: gdb, and the stub itself, see the text as it was
// built.
#pragma once

#include "arch/x86/trap.h"

enum break_kind { Z_SOFTWARE, Z_HARDWARE, Z_WRITE, Z_READ, Z_ACCESS };

// Makes what hardware breakpoints need. 0 or -ENOMEM. Task context, once.
int kgdb_breaks_init(void);

// ---- the leader, during a session ----

// 0, or as hwbp_stopped_set(); -EINVAL also for one in the text outside what may be stopped at, and
// for a length that no register has. x86 has no condition for reads alone: Z_READ is for reads and
// writes, as gdb takes it.
int kgdb_break_insert(enum break_kind kind, u64 addr, u64 len);
int kgdb_break_remove(enum break_kind kind, u64 addr, u64 len); // -ENOENT: there is none
void kgdb_break_remove_all(void);
// After the last change: slots that are not needed any more go back.
void kgdb_breaks_settle(void);

// Lifts INT3s out of the text, or plants those that gdb wants. Protected.
void kgdb_breaks_lift(void);
void kgdb_breaks_plant(void);

// Kernel text where a CPU may be stopped: not on the path of exceptions themselves.
bool kgdb_may_stop_at(u64 addr);

// ---- every CPU ----

// Did this INT3 stand here a moment ago? Protected.
bool kgdb_break_at(u64 addr);
// The slot whose event this is, or -1. Protected.
int kgdb_slot_of(const void *owner);
u64 kgdb_slot_addr(int slot);
enum break_kind kgdb_slot_kind(int slot);
// Does gdb (still) want this slot to be at this address? Protected.
bool kgdb_slot_is(u32 slot, u64 addr);

// A stopped CPU takes what is wanted into its registers (hwbp_stopped_apply()), or sends itself
// IPI_DEBUGGER if it cannot now.
void kgdb_breaks_apply(const struct trapframe *f, u64 *dr7);
// IPI_DEBUGGER.
void kgdb_breaks_catch_up(void);
