// Devices that only programs and debuggers need. They are: a screen whatever the firmware is, its
// control sequences, the keyboard, input of serial ports, interrupts between two ticks, and the
// date.
#pragma once

#include "arch/x86/types.h"

// If the loader has set up a framebuffer, it is the screen from now on, blank. Right after
// boot_info_parse(). A framebuffer above BOOT_MAP_END shows what is written only from
// framebuffer_map() on, which needs the heap.
void framebuffer_init(void);
void framebuffer_map(void);

// screen_write(), and the control sequences of terminal.c. Any context.
void terminal_write(const char *s, size_t n);

void keyboard_init(void); // discards what was typed before; IRQs off
void keyboard_irq(void);  // IRQ_KEYBOARD

// Receive on COM1 or COM2: raises IRQ_SERIAL1 or IRQ_SERIAL2; not for what is there already.
void serial_irq_enable(int port);
int serial_read(int port); // a byte that has come, or -1

// An interrupt of the ISA bus goes to CPU 0 from now on, as a vector or as ICR_NMI. One caller at a
// time.
void ioapic_route(u32 irq, u32 what);
void lapic_send_self(u32 vector); // to this CPU; any context
void lapic_send_all(u32 vector);  // to every CPU, this one too; any context

// The tick of this CPU ends. IRQs off.
void lapic_timer_stop(void);
// One more IRQ_TIMER of this CPU, at `at` in ns of clock_ns(), or as soon as possible if that has
// passed. Only one is kept, the earliest. Each IRQ_TIMER ends the request, a tick, too; and nothing
// happens if the next tick comes first. IRQs off.
void lapic_timer_sooner(u64 at);

// Reads the CMOS clock; after clock_init(). Seconds since 1970 when the clock was started.
void clock_init_epoch(void);
u64 clock_boot_epoch(void);
