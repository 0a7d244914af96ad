// VGA text, 80 by 25, scrolling. The only state is one number, bounded at each use, so that a
// panic on another CPU in the middle of a write does no harm.

#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"

#define VGA_PA       0xb8000
#define COLS         80
#define ROWS         25
#define CELLS        (COLS * ROWS)
#define BLANK        0x0720 // grey on black
#define BLANKS       (BLANK * 0x0001000100010001ull)
#define CELLS_IN_U64 4
#define TAB          8

#define CRTC_INDEX  0x3d4
#define CRTC_DATA   0x3d5
#define CRTC_SHAPE  0x0a // first and last scan line of the cursor, 0x0a and 0x0b
#define CRTC_CURSOR 0x0e // position, high and low byte, 0x0e and 0x0f

static u32 cursor; // cell, 0 .. CELLS - 1

static void crtc_write(u8 reg, u8 v)
{
    outb(CRTC_INDEX, reg);
    outb(CRTC_DATA, v);
}

static void scroll(void)
{
    volatile u64 *screen = phys_to_virt(VGA_PA);
    u32 line = COLS / CELLS_IN_U64;
    for (u32 i = 0; i < line * (ROWS - 1); i++)
        screen[i] = screen[i + line];
    for (u32 i = line * (ROWS - 1); i < line * ROWS; i++)
        screen[i] = BLANKS;
}

// Returns where the cursor is after c.
static u32 put(u32 at, char c)
{
    volatile u16 *screen = phys_to_virt(VGA_PA);
    switch (c) {
    case '\n':
        at += COLS - at % COLS;
        break;
    case '\r':
        at -= at % COLS;
        break;
    case '\b':
        at -= at % COLS ? 1 : 0;
        break;
    case '\t':
        at = ALIGN_DOWN(at + TAB, TAB);
        break;
    default:
        screen[at++] = (BLANK & 0xff00) | (u8)c;
    }
    if (at < CELLS)
        return at;
    scroll();
    return at - COLS;
}

void vga_write(const char *s, size_t n)
{
    u32 at = cursor % CELLS;
    while (n--)
        at = put(at, *s++);
    cursor = at;
    crtc_write(CRTC_CURSOR, at >> 8);
    crtc_write(CRTC_CURSOR + 1, at & 0xff);
}

void vga_init(void)
{
    volatile u64 *screen = phys_to_virt(VGA_PA);
    for (u32 i = 0; i < CELLS / CELLS_IN_U64; i++)
        screen[i] = BLANKS;
    crtc_write(CRTC_SHAPE, 13);
    crtc_write(CRTC_SHAPE + 1, 14);
    cursor = 0;
    vga_write("", 0);
}
