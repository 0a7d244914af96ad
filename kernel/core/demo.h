// The demonstration of the core.
#pragma once

#include "arch/x86/types.h"

// Runs it, and prints what it measures. True if everything was as it must be. Task context.
bool demo_run(void);
