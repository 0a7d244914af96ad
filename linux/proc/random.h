// Random bytes for getrandom(2) and AT_RANDOM. Their only sources are clocks. That is enough for
// hash seeds and stack canaries, and NOT enough for cryptography.
#pragma once

#include "arch/x86/types.h"

// Fills n bytes. Any context.
void random_fill(void *buf, size_t n);
