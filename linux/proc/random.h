// Random bytes for getrandom(2) and AT_RANDOM. Unpredictable enough for hash seeds and stack
// canaries of teaching programs; NOT for cryptography: the only sources are the clocks.
#pragma once

#include "arch/x86/types.h"

// Any context.
void random_fill(void *buf, size_t n);
