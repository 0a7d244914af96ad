// The kernel's log: printk (declared in arch/x86/upcalls.h), its outputs, and formatting.
//
// Formats: %d %i %u %x %X %p %s %c %% with flags "-0", width, precision for %s, lengths l, ll, z;
// and %pS, which prints a code or data address as symbol+0xoffset.
#pragma once

#include "arch/x86/upcalls.h"
#include <stdarg.h>

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

// A text under construction. What does not fit is cut off; len == size then tells so.
struct text {
    char *buf;
    size_t size, len;
};
void text_add(struct text *t, const char *fmt, ...) __printf(2, 3);

// Where the log goes: reads "log=com1|com2|none" (default com1) and "vga=0|1" from the command
// line. What was logged before comes out now.
void log_init(void);

// The newest part of the log, at most n bytes and 64 KiB, for /proc/kmsg. Returns its length.
size_t log_read(char *buf, size_t n);

// Raw bytes to the console's device (COM1 and, unless vga=0, VGA), not recorded: the console's
// output path. Any context.
void console_write_raw(const char *s, size_t n);

// From now on printk takes no lock: for panic, whose CPU may have stopped the lock's holder.
void log_force(void);
