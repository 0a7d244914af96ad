// The watchdog. Without it the machine is silent when a CPU stands still. With it there is a panic,
// which says where the CPU stands.
//
// The PIT beats 18 times a second: an NMI to CPU 0, which passes it on to the others. A CPU lives
// if it has taken a tick since its last beat and makes the switches that are due. A CPU that has
// missed all beats of the limit in a row panics. A panic prints the backtraces of all CPUs. The
// watchdog counts beats, not seconds, because a CPU that the host does not run takes no beats.
#pragma once

// "watchdog=SECONDS" on the command line is the limit. Without the option it is 2. With 0 there is
// no watchdog. There is also none while gdb is attached to the kernel (debug/kgdb takes the NMIs).
// Called once, when all CPUs tick.
void watchdog_start(void);
