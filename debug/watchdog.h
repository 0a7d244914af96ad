// The watchdog: a CPU that stands still is a panic that says where, not a machine that is silent.
//
// The PIT beats 18 times a second: an NMI to CPU 0, which passes it on to the others. A
// CPU lives if it has taken a tick since its last beat and makes the switches that are due. One
// that has missed all beats of the limit in a row panics, and a panic prints the backtraces of all
// CPUs. Beats are counted and not seconds: a CPU that the host does not run takes none either.
#pragma once

// "watchdog=SECONDS" on the command line is the limit: 2 without it, 0 for no watchdog. None
// either while gdb is attached to the kernel (debug/kgdb takes the NMIs). Once, when all CPUs tick.
void watchdog_start(void);
