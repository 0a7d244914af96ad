// What the console's screen is made of, inside of arch/x86: a terminal (screen.c) that knows cells
// only, and two devices that show them, VGA text (vga.c) and a framebuffer (framebuffer.c).
#pragma once

#include "arch/x86/types.h"

#define MAX_COLUMNS 160
#define MAX_ROWS    64

// A cell is a character below the VGA's attribute: the paper's colour and, in the lower half, the
// ink's. A colour is blue 1, green 2, red 4, bright 8.
#define CELL_PLAIN  0x0700 // grey on black
#define CELL_TURNED 0x7000 // black on grey
#define CELL_BLANK  (CELL_PLAIN | ' ')

// `at` is a cell's number, row by row. Any context.
struct screen_device {
    u32 columns, rows; // at most MAX_COLUMNS, MAX_ROWS
    void (*put)(u32 at, u16 cell);
    void (*cursor)(u32 at, u16 cell); // it stands there now, on this cell
};

extern const struct screen_device vga_text;
// The framebuffer that the loader has set up, NULL if it has not, or not one of 32 bits a pixel.
const struct screen_device *framebuffer_device(void);
