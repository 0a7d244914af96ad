// Memory and string functions, as in <string.h>; written here because the kernel links no library.
#pragma once

#include "arch/x86/types.h"

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
bool strstarts(const char *s, const char *prefix);
// Copies with truncation, always ends with NUL (size > 0).
void strcopy(char *to, const char *from, size_t size);
// 0-15; 16: it is none.
u32 hex_digit(char c);
// Decimal or 0x-hexadecimal, the whole string (a trailing newline is allowed). False if it is no
// number.
bool parse_u64(const char *s, u64 *out);
