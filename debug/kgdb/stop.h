// Stopping all CPUs, and letting them go.
//
// The CPU that has something to report leads: it lifts gdb's breakpoints out of the text, stops
// the others by NMI, and talks to gdb. Who has something to report meanwhile waits to lead next.
// Then each CPU takes the breakpoints gdb wants into its registers, all wait until the last has
// done so, and they go on together.
//
//   K1  While gdb's breakpoints stand in the text, and gdb's watchpoints in the registers, only
//       protected code of the stub runs, and it touches only protected data.
//   K2  Only the leader talks, and changes what is wanted. All other CPUs are in obey().
#pragma once

#include "arch/x86/trap.h"
#include "kernel/base/die.h"

// From HWBREAK on by a #DB.
enum stop_kind { STOP_SIGNAL, STOP_LINE, STOP_SWBREAK, STOP_HWBREAK, STOP_WATCH, STOP_STEP };

// Why a CPU stops.
struct stop {
    enum stop_kind kind;
    int signal;  // KGDB_SIG*
    u64 addr;    // of a break- or watchpoint
    u32 slot;    // HWBREAK, WATCH: whose
    bool nested; // STEP: through the handler of another #DB
};

// What gdb wants to happen next.
struct plan {
    s32 step_cpu; // makes one step, or -1
    bool alone;   // only that one runs; for as long as a step may take
};

// Stops all CPUs, and returns when this one may go on. False, and nothing has happened, when it is
// the stub itself that has come here. IRQs off.
bool kgdb_stop(struct trapframe *f, const struct stop *why);

// An NMI: stays until the leader lets it go. DIE_DONE when the NMI was none of the leader's.
enum die_answer kgdb_park(struct trapframe *f, u64 *dr7);

// Where a stopped CPU is.
struct trapframe *kgdb_frame(u32 cpu);
// Was it stopped inside the handler of a #DB?
bool kgdb_in_db(u32 cpu);
// Does this CPU run the stub?
bool kgdb_inside(void);
