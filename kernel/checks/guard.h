// The stack guard of debug builds (-fstack-protector-strong). A function with arrays stores it
// above them, and compares it before it returns.
#pragma once

// Chooses this boot's guard. Boot CPU, once; a function with arrays that is running then would
// panic when it returns.
void stack_guard_init(void);
// Code that the compiler adds calls this. A function has found another value in the guard's place.
// So something has written beyond the end of one of its arrays.
__attribute__((noreturn)) void __stack_chk_fail(void);
