// kgdb: gdb's remote protocol on the second serial port (docs/kgdb.md).
//
// On with the boot option "kgdb" (gdb may attach whenever it likes) or "kgdbwait" (the kernel waits
// for it before the first program). Whatever stops one CPU for gdb stops all.
#pragma once

#include "arch/x86/trap.h"

// Reads the options; with one of them makes what the stub needs, listens, and with "kgdbwait"
// waits. Without them the stub stays off. Task context, once.
void kgdb_start(void);

// The second serial port has received something, while `f` ran; and IPI_DEBUGGER. IRQs off.
void debugger_line(struct trapframe *f);
void debugger_irq(void);
