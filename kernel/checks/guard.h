// The stack guard of debug builds (-fstack-protector-strong). A function with arrays stores it
// above them, and compares it before it returns.
#pragma once

// Chooses this boot's guard. Boot CPU, once; a function with arrays that is running then would
// panic when it returns.
void stack_guard_init(void);
// Called by code that the compiler adds: a function has found another value in the guard's place,
// so something has written beyond an array of its.
__attribute__((noreturn)) void __stack_chk_fail(void);
