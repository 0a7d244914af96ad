// The screen: a grid of cells that scrolls (screen.c), on VGA text (vga.c), or on a framebuffer
// where the full kernel finds one (arch/x86/user/framebuffer.c). screen_write() is in platform.h.
#pragma once

#include "arch/x86/types.h"

#define MAX_COLUMNS 160
#define MAX_ROWS    64

// A cell is a character below the VGA's attribute: the paper's colour and, in the lower half, the
// ink's. A colour is blue 1, green 2, red 4, bright 8.
#define CELL_PLAIN 0x0700 // grey on black
#define CELL_BLANK (CELL_PLAIN | ' ')

// `at` is a cell's number, row by row. Any context.
struct screen_device {
    u32 columns, rows; // at most MAX_COLUMNS, MAX_ROWS
    void (*put)(u32 at, u16 cell);
    void (*cursor)(u32 at, u16 cell); // it stands there now, on this cell
};

extern const struct screen_device vga_text, *screen; // this one is in use

// From now on this device is the screen, blank.
void screen_use(const struct screen_device *d);
void screen_repaint(void);

// What a write consists of. It begins at the cursor. put() returns where the cursor is after `c`, a
// letter or \n; other control characters have no picture. go() moves the cursor to a cell, and
// returns that; after the last cell the screen moves up. The end shows the cursor. What is put has
// the colour that was set last.
u32 screen_begin(void);
u32 screen_put(u32 at, char c);
u32 screen_go(u32 at);
void screen_blank(u32 from, u32 end);
void screen_colour(u16 cell);
void screen_end(u32 at);
