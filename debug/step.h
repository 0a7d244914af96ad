// Single steps in ring 0 that nobody asked for.
#pragma once

// Adds a handler of priority DIE_STEP to the chain of exception handlers. Boot CPU, once.
void step_init(void);
