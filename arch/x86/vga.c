// VGA text, 80 by 25, scrolling, with the few control sequences that full-screen programs need
// (ECMA-48): ESC [ row ; column H, ESC [ J, ESC [ 2 J, ESC [ K, ESC [ n m. All state is
// small numbers, bounded at each use, so that a panic on another CPU in the middle of a write does
// no harm.

#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"

#define VGA_PA       0xb8000
#define COLS         80
#define ROWS         25
#define CELLS        (COLS * ROWS)
#define BLANK        0x0720 // grey on black
#define CELLS_IN_U64 4
#define TAB          8

#define CRTC_INDEX  0x3d4
#define CRTC_DATA   0x3d5
#define CRTC_SHAPE  0x0a // first and last scan line of the cursor, 0x0a and 0x0b
#define CRTC_CURSOR 0x0e // position, high and low byte, 0x0e and 0x0f

#define ESC     '\x1b'
#define REVERSE 0x7000 // black on grey
#define BRIGHT  0x08

enum { PLAIN, AFTER_ESC, IN_SEQUENCE };
#define MAX_NUMBERS 2
#define MAX_NUMBER  1000

static u32 cursor; // cell, 0 .. CELLS - 1
static u16 colour = BLANK & 0xff00;
static u32 state, nr_numbers; // how far a sequence is
static u32 numbers[MAX_NUMBERS];

static void crtc_write(u8 reg, u8 v)
{
    outb(CRTC_INDEX, reg);
    outb(CRTC_DATA, v);
}

static void blank(u32 from, u32 end)
{
    volatile u16 *screen = phys_to_virt(VGA_PA);
    while (from < end)
        screen[from++] = BLANK;
}

static void scroll(void)
{
    volatile u64 *screen = phys_to_virt(VGA_PA);
    u32 line = COLS / CELLS_IN_U64;
    for (u32 i = 0; i < line * (ROWS - 1); i++)
        screen[i] = screen[i + line];
    blank(CELLS - COLS, CELLS);
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
        screen[at++] = colour | (u8)c;
    }
    if (at < CELLS)
        return at;
    scroll();
    return at - COLS;
}

// A number of the sequence, or `otherwise` where it has none.
static u32 number(u32 i, u32 otherwise)
{
    return i <= nr_numbers && i < MAX_NUMBERS && numbers[i] ? numbers[i] : otherwise;
}

// ESC [ n m: 7 is reverse, 30 to 37 are the letters' colours, anything else is plain.
static u16 colour_of(u32 n)
{
    static const u8 vga[] = {0, 4, 2, 6, 1, 5, 3, 7}; // ECMA-48 counts red as 1, VGA blue
    if (n >= 30 && n < 30 + ARRAY_SIZE(vga))
        return (vga[n - 30] | BRIGHT) << 8;
    return n == 7 ? REVERSE : BLANK & 0xff00;
}

// The end of a sequence. Returns where the cursor is then; what it does not know it skips.
static u32 sequence(u32 at, char c)
{
    u32 row, column;
    switch (c) {
    case 'H':
        row = MIN(number(0, 1), ROWS) - 1;
        column = MIN(number(1, 1), COLS) - 1;
        return row * COLS + column;
    case 'J':
        blank(number(0, 0) == 2 ? 0 : at, CELLS);
        break;
    case 'K':
        blank(at, at + COLS - at % COLS);
        break;
    case 'm':
        colour = colour_of(number(0, 0));
        break;
    }
    return at;
}

static u32 put_in_sequence(u32 at, char c)
{
    if (state == AFTER_ESC) {
        state = c == '[' ? IN_SEQUENCE : PLAIN;
        nr_numbers = numbers[0] = numbers[1] = 0;
    } else if (c >= '0' && c <= '9') {
        u32 *n = &numbers[nr_numbers % MAX_NUMBERS];
        *n = MIN(*n * 10 + (u32)(c - '0'), MAX_NUMBER);
    } else if (c == ';') {
        nr_numbers = MIN(nr_numbers + 1, MAX_NUMBERS - 1);
    } else {
        state = PLAIN;
        return sequence(at, c);
    }
    return at;
}

void vga_write(const char *s, size_t n)
{
    u32 at = cursor % CELLS;
    for (; n; n--, s++) {
        if (state != PLAIN)
            at = put_in_sequence(at, *s);
        else if (*s == ESC)
            state = AFTER_ESC;
        else
            at = put(at, *s);
    }
    cursor = at;
    crtc_write(CRTC_CURSOR, at >> 8);
    crtc_write(CRTC_CURSOR + 1, at & 0xff);
}

void vga_init(void)
{
    blank(0, CELLS);
    crtc_write(CRTC_SHAPE, 13);
    crtc_write(CRTC_SHAPE + 1, 14);
    cursor = 0;
    vga_write("", 0);
}
