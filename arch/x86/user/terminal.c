// The control sequences that full-screen programs and line editors need (ECMA-48): ESC [ row ;
// column H, A to D for the cursor, J, 2 J, K, n m. As in screen.c all state is small numbers,
// bounded at each use.
#include "arch/x86/screen.h"
#include "arch/x86/user/devices.h"

#define ESC    '\x1b'
#define TAB    8
#define BRIGHT 0x08
#define TURNED 0x7000 // a cell that is black on grey

enum { PLAIN, AFTER_ESC, IN_SEQUENCE };
#define MAX_NUMBERS 2
#define MAX_NUMBER  1000

static u32 columns, rows;
static u32 state, nr_numbers; // how far a sequence is
static u32 numbers[MAX_NUMBERS];

// A number of the sequence, or `otherwise` where it has none.
static u32 number(u32 i, u32 otherwise)
{
    return i <= nr_numbers && i < MAX_NUMBERS && numbers[i] ? numbers[i] : otherwise;
}

// Where the cursor is after it has gone up to `n` cells in the direction of this letter, at most to
// the edge.
static u32 moved(u32 at, char c, u32 n)
{
    u32 row = at / columns, column = at % columns;
    switch (c) {
    case 'A':
        return at - MIN(n, row) * columns;
    case 'B':
        return at + MIN(n, rows - 1 - row) * columns;
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
    return n == 7 ? TURNED : CELL_PLAIN;
}

// The end of a sequence. Returns where the cursor is then; what it does not know it skips.
static u32 sequence(u32 at, char c)
{
    switch (c) {
    case 'A' ... 'D':
        return screen_go(moved(at, c, number(0, 1)));
    case 'H':
        return screen_go((MIN(number(0, 1), rows) - 1) * columns + MIN(number(1, 1), columns) - 1);
    case 'J':
        screen_blank(number(0, 0) == 2 ? 0 : at, columns * rows);
        break;
    case 'K':
        screen_blank(at, at + columns - at % columns);
        break;
    case 'm':
        screen_colour(colour_of(number(0, 0)));
        break;
    }
    return at;
}

static u32 put_plain(u32 at, char c)
{
    u32 column = at % columns;
    switch (c) {
    case ESC:
        state = AFTER_ESC;
        return at;
    case '\r':
        return screen_go(at - column);
    case '\b':
        return screen_go(at - (column ? 1 : 0));
    case '\t':
        return screen_go(at + TAB - column % TAB);
    default:
        return screen_put(at, c);
    }
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

void terminal_write(const char *s, size_t n)
{
    columns = screen->columns;
    rows = screen->rows;
    u32 at = screen_begin();
    for (; n; n--, s++)
        at = state == PLAIN ? put_plain(at, *s) : put_in_sequence(at, *s);
    screen_end(at);
}
