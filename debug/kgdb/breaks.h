// gdb's breakpoints: in the text by INT3, and in the debug registers by debug/kgdb/stopped.h. The
// kinds have the numbers of gdb's Z packets.
//
// INT3s stand in the text only while CPUs run. So gdb, and the stub itself, see the text as it was
// built. "Protected" means that no breakpoint can stand on the function (docs/hwbp.md).
#pragma once

#include "arch/x86/trap.h"

enum break_kind { Z_SOFTWARE, Z_HARDWARE, Z_WRITE, Z_READ, Z_ACCESS };

// Makes what hardware breakpoints need, because a session cannot allocate. 0 or -ENOMEM. Task
// context, once.
int kgdb_breaks_init(void);

// ---- the leader, during a session ----

// Inserts a breakpoint. 0, or an error of hwbp_stopped_set(). -EINVAL also for an INT3 where
// kgdb_may_stop_at() is false, and for a length that no register has. x86 has no condition for
// reads alone, so Z_READ reports writes as well. gdb can live with that.
int kgdb_break_insert(enum break_kind kind, u64 addr, u64 len);
int kgdb_break_remove(enum break_kind kind, u64 addr, u64 len); // -ENOENT: there is none
void kgdb_break_remove_all(void);
// Gives back the slots that are not needed any more. Called after the last change of a session.
void kgdb_breaks_settle(void);

// Takes all INT3s out of the text, or puts in those that gdb wants. Protected.
void kgdb_breaks_lift(void);
void kgdb_breaks_plant(void);

// True for kernel text where a CPU may be stopped. Code that exceptions themselves run is not such.
bool kgdb_may_stop_at(u64 addr);

// ---- every CPU ----

// True if gdb wants an INT3 here. It may be taken out at the moment. Protected.
bool kgdb_break_at(u64 addr);
// The slot of gdb's whose event owns a register, or -1 when the owner is not gdb's. Protected.
int kgdb_slot_of(const void *owner);
u64 kgdb_slot_addr(int slot);
enum break_kind kgdb_slot_kind(int slot);
// True if gdb wants a breakpoint of this slot at this address now. Protected.
bool kgdb_slot_is(u32 slot, u64 addr);

// A stopped CPU takes gdb's breakpoints into its registers (hwbp_stopped_apply()). If it cannot do
// so now, it sends itself IPI_DEBUGGER, whose handler does it then (debugger_irq()).
void kgdb_breaks_apply(const struct trapframe *f, u64 *dr7);
