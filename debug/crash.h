// With "crash=HOW" on the command line the kernel goes wrong in a known way. So a test can see how
// it ends.
#pragma once

// HOW is one of these. Any other word is a panic, too:
//
//   null      a write through a NULL pointer
//   panic     a panic
//   nested    a panic inside a panic
//   stack     the kernel stack overflows
//   overrun   an array on the stack overflows
//   stuck     a loop without end, interrupts off
//   spin      a loop without end, preemption off
//   order     two mutexes are taken against their ranks
//
// Returns only when the option is absent. Task context.
void crash_if_asked(void);
