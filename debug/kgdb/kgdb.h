// kgdb: gdb's remote protocol on the second serial port (docs/kgdb.md).
//
// The boot option "kgdb" turns it on: gdb may attach at any time. With "kgdbwait" the kernel also
// waits for gdb before the first program. Whatever stops one CPU for gdb stops all CPUs.
#pragma once

#include "arch/x86/trap.h"

// Reads the options. With one of them it makes what the stub needs, and listens. With "kgdbwait" it
// waits for gdb. Without an option the stub stays off. Task context, once.
void kgdb_start(void);

// The handler of the second serial port's interrupt. `f` was interrupted. IRQs off.
void debugger_line(struct trapframe *f);
// The handler of IPI_DEBUGGER: does what kgdb_breaks_apply() could not (breaks.c). IRQs off.
void debugger_irq(void);
