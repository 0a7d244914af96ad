// Devices that only programs need: a screen whatever the firmware is, its control sequences, the
// keyboard, the clock on the wall.
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

// Reads the CMOS clock; after clock_init(). Seconds since 1970 when the clock was started.
void clock_init_epoch(void);
u64 clock_boot_epoch(void);
