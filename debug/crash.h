// "crash=HOW" on the command line: the kernel goes wrong in a known way, so that a test can see how
// it ends.
#pragma once

// HOW is null, panic, nested (a panic while it panics), stack (the kernel stack overflows), overrun
// (an array on the stack does), stuck (no end with IRQs off), spin (no end with preemption off) or
// order (two mutexes against their ranks); another word is a panic too. Returns when the option is
// absent. Task context.
void crash_if_asked(void);
