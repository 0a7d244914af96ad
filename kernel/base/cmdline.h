// The kernel command line: words separated by blanks, "key=value" or "key"; after "--" the
// arguments of init. Double quotes keep a word together, a backslash keeps the next character.
#pragma once

#include "arch/x86/types.h"

#define CMDLINE_SIZE  2048 // bytes, with the NUL
#define CMDLINE_WORDS 512  // further ones are dropped, with a line in the log

void cmdline_init(const char *line); // shorter than CMDLINE_SIZE
// The value of the last "key=..." into buf; false when absent (buf untouched). "key" alone gives
// "".
bool cmdline_get(const char *key, char *buf, size_t size);
u64 cmdline_u64(const char *key, u64 otherwise);
// One line in the log for each word that nobody has asked for: once all that boot asks is asked.
void cmdline_name_unknown(void);
// The words after "--", then NULL.
extern char **cmdline_rest;
