// Single steps in ring 0 that nobody asked for.
#pragma once

// Puts the link of priority DIE_STEP into the chain of exception handlers. Boot CPU, once.
void step_init(void);
