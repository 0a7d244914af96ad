// The console's screen: a terminal that scrolls, with the control sequences that full-screen
// programs and line editors need (ECMA-48): ESC [ row ; column H, A to D for the cursor, J, 2 J, K,
// n m. All state is small numbers, bounded at each use, so that a panic on another CPU in the
// middle of a write does no harm.

#include "arch/x86/screen.h"

#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"

#define TAB    8
#define ESC    '\x1b'
#define DEL    0x7f
#define BRIGHT 0x08

enum { PLAIN, AFTER_ESC, IN_SEQUENCE };
#define MAX_NUMBERS 2
#define MAX_NUMBER  1000

static const struct screen_device *device;
static u16 cells[MAX_COLUMNS * MAX_ROWS]; // what the device shows
static u32 cursor;                        // cell
static u16 colour = CELL_PLAIN;
static u32 state, nr_numbers; // how far a sequence is
static u32 numbers[MAX_NUMBERS];

static u32 nr_cells(void)
{
    return device->columns * device->rows;
}

// Only a cell that changes is shown anew: devices are slow.
static void set(u32 at, u16 cell)
{
    if (cells[at] == cell)
        return;
    cells[at] = cell;
    device->put(at, cell);
}

static void blank(u32 from, u32 end)
{
    while (from < end)
        set(from++, CELL_BLANK);
}

static void scroll(void)
{
    u32 end = nr_cells() - device->columns;
    for (u32 i = 0; i < end; i++)
        set(i, cells[i + device->columns]);
    blank(end, nr_cells());
}

// Returns where the cursor is after c.
static u32 put(u32 at, char c)
{
    u32 columns = device->columns;
    switch (c) {
    case '\n':
        at += columns - at % columns;
        break;
    case '\r':
        at -= at % columns;
        break;
    case '\b':
        at -= at % columns ? 1 : 0;
        break;
    case '\t':
        at += TAB - at % columns % TAB;
        break;
    default:
        if ((u8)c >= ' ' && c != DEL) // a bell, for one, has no picture
            set(at++, colour | (u8)c);
    }
    if (at < nr_cells())
        return at;
    scroll();
    return at - columns;
}

// A number of the sequence, or `otherwise` where it has none.
static u32 number(u32 i, u32 otherwise)
{
    return i <= nr_numbers && i < MAX_NUMBERS && numbers[i] ? numbers[i] : otherwise;
}

// Where the cursor is after it has gone up to `n` cells in the direction of this letter, at most to
// the edge.
static u32 moved(u32 at, char c, u32 n)
{
    u32 columns = device->columns, row = at / columns, column = at % columns;
    switch (c) {
    case 'A':
        return at - MIN(n, row) * columns;
    case 'B':
        return at + MIN(n, device->rows - 1 - row) * columns;
    case 'C':
        return at + MIN(n, columns - 1 - column);
    default:
        return at - MIN(n, column);
    }
}

// ESC [ n m: 7 is turned, 30 to 37 are the letters' colours, anything else is plain.
static u16 colour_of(u32 n)
{
    static const u8 vga[] = {0, 4, 2, 6, 1, 5, 3, 7}; // ECMA-48 counts red as 1, VGA blue
    if (n >= 30 && n < 30 + ARRAY_SIZE(vga))
        return (vga[n - 30] | BRIGHT) << 8;
    return n == 7 ? CELL_TURNED : CELL_PLAIN;
}

// The end of a sequence. Returns where the cursor is then; what it does not know it skips.
static u32 sequence(u32 at, char c)
{
    u32 columns = device->columns;
    switch (c) {
    case 'A' ... 'D':
        return moved(at, c, number(0, 1));
    case 'H':
        return (MIN(number(0, 1), device->rows) - 1) * columns + MIN(number(1, 1), columns) - 1;
    case 'J':
        blank(number(0, 0) == 2 ? 0 : at, nr_cells());
        break;
    case 'K':
        blank(at, at + columns - at % columns);
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
    } else if (c < ' ' || c > '?') { // what is between belongs to sequences not known here
        state = PLAIN;
        return sequence(at, c);
    }
    return at;
}

void screen_write(const char *s, size_t n)
{
    u32 at = cursor % nr_cells();
    for (; n; n--, s++) {
        if (state != PLAIN)
            at = put_in_sequence(at, *s);
        else if (*s == ESC)
            state = AFTER_ESC;
        else
            at = put(at, *s);
    }
    cursor = at;
    device->cursor(at, cells[at]);
}

void screen_repaint(void)
{
    for (u32 at = 0; at < nr_cells(); at++)
        device->put(at, cells[at]);
    device->cursor(cursor % nr_cells(), cells[cursor % nr_cells()]);
}

static void begin(const struct screen_device *d)
{
    device = d;
    for (u32 at = 0; at < nr_cells(); at++)
        cells[at] = CELL_BLANK;
    cursor = 0;
    screen_repaint();
}

void screen_init(void)
{
    begin(&vga_text);
}

void screen_use_framebuffer(void)
{
    const struct screen_device *d = framebuffer_device();
    if (d)
        begin(d);
}

void screen_size(u32 *columns, u32 *rows)
{
    *columns = device->columns;
    *rows = device->rows;
}
