// The kernel command line: words separated by blanks, "key=value" or "key"; after "--" the
// arguments of init, kept together by double quotes.
#pragma once

#include "arch/x86/types.h"

void cmdline_init(const char *line);
// The value of the last "key=..." into buf; false when absent (buf untouched). "key" alone gives
// "".
bool cmdline_get(const char *key, char *buf, size_t size);
u64 cmdline_u64(const char *key, u64 otherwise);
// The words after "--": fills argv with pointers that live for ever, returns how many (at most
// max).
int cmdline_init_args(char **argv, int max);
