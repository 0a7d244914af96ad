// The kernel's log: printk (declared in arch/x86/upcalls.h), its outputs, and formatting.
//
// Formats: %d %u %x %p %s %c %% with flags "-0", width, precision for %s, lengths l, ll, z. And
// %pS: a code or data address as symbol+0xoffset.
#pragma once

#include "arch/x86/upcalls.h"
#include <stdarg.h>

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

// A text under construction. What does not fit is cut off, and len == size then.
struct text {
    char *buf;
    size_t size, len;
};
void text_add(struct text *t, const char *fmt, ...) __printf(2, 3);

// Opens the log's outputs, which the command line names: "log=com1|com2|none" (default com1) and
// "vga=0|1". Earlier messages are printed now.
void log_init(void);

// A line for a stage of the boot that is over: the milliseconds since the kernel's entry, then the
// text. Before clock_init() there is no time yet, and "-" stands for it.
#define log_stage(fmt, ...) printk("%s ms  " fmt "\n", log_time((char[LOG_TIME]){}), ##__VA_ARGS__)
#define LOG_TIME            28
const char *log_time(char buf[LOG_TIME]);

// The newest part of the log: byte n of all that was ever written is at n % LOG_SIZE. Read it
// between log_take() and log_release().
#define LOG_SIZE 65536u
extern char log_text[LOG_SIZE];
extern u64 log_end; // bytes ever written

// For code that reads the log or shares its devices: between the two no message is written. False:
// this CPU is in the middle of one, and there is nothing to release. IRQs off.
bool log_take(void);
void log_release(void);
extern bool log_on_screen; // "vga=": constant after log_init()

// From now on printk takes no lock. Only a panic calls this: it may have stopped the CPU that holds
// the lock.
void log_force(void);
