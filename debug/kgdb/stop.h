// Stopping all CPUs, and letting them go.
//
// The CPU that has something to report leads. It takes gdb's breakpoints out of the text, stops
// the others by NMI, and talks to gdb. A CPU that has something to report meanwhile waits to lead
// next. At the end each CPU takes gdb's breakpoints into its registers. When the last CPU has done
// so, all go on together.
//
//   K1  While gdb's breakpoints stand in the text, and gdb's watchpoints in the registers, only
//       protected code of the stub runs, and it touches only protected data.
//   K2  Only the leader talks to gdb and changes what gdb wants. All other CPUs are in obey().
#pragma once

#include "kernel/base/die.h"

// Those from STOP_HWBREAK on come by a #DB.
enum stop_kind { STOP_SIGNAL, STOP_LINE, STOP_SWBREAK, STOP_HWBREAK, STOP_WATCH, STOP_STEP };

// Why a CPU stops.
struct stop {
    enum stop_kind kind;
    int signal;  // KGDB_SIG*
    u64 addr;    // of the breakpoint or watchpoint
    u32 slot;    // HWBREAK, WATCH: gdb's slot that was hit
    bool nested; // STEP: the step was inside the handler of another #DB
};

// What gdb wants to happen next.
struct plan {
    s32 step_cpu; // the CPU that makes one step, or -1
    bool alone;   // only this CPU runs, for kgdb_step_limit at most
};

// Stops all CPUs, and returns when this one may go on. False, and nothing has happened, when the
// stub itself caused the stop. IRQs off.
bool kgdb_stop(struct trapframe *f, const struct stop *why);

// The handler of an NMI: this CPU stays until the leader lets it go. DIE_DONE when the NMI did not
// come from the leader.
enum die_answer kgdb_park(struct trapframe *f, u64 *dr7);

// Where a stopped CPU is; NULL when it runs.
struct trapframe *kgdb_frame(u32 cpu);
// True if this CPU was stopped inside the handler of a #DB.
bool kgdb_in_db(u32 cpu);
// True if this CPU runs the stub.
bool kgdb_inside(void);
