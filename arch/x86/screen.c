// The screen as a grid of cells that scrolls. All state is small numbers, bounded at each use, so
// that a panic on another CPU in the middle of a write does no harm.

#include "arch/x86/screen.h"

#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"

#define DEL 0x7f

const struct screen_device *screen;
static u16 cells[MAX_COLUMNS * MAX_ROWS]; // what the device shows
static u32 cursor;                        // cell
static bool full; // the cursor stands on a letter that ends its line: the next one wraps
static u16 colour = CELL_PLAIN;

static u32 nr_cells(void)
{
    return screen->columns * screen->rows;
}

// Only a cell that changes is shown anew: devices are slow.
static void set(u32 at, u16 cell)
{
    if (cells[at] == cell)
        return;
    cells[at] = cell;
    screen->put(at, cell);
}

void screen_blank(u32 from, u32 end)
{
    while (from < end)
        set(from++, CELL_BLANK);
}

// The cell itself, or where it is after the screen has moved up.
static u32 scroll(u32 at)
{
    u32 end = nr_cells() - screen->columns;
    if (at < nr_cells())
        return at;
    for (u32 i = 0; i < end; i++)
        set(i, cells[i + screen->columns]);
    screen_blank(end, nr_cells());
    return at - screen->columns;
}

u32 screen_go(u32 at)
{
    full = false;
    return scroll(at);
}

// A letter. As on a terminal, the line breaks only when one more comes: a line of exactly the
// screen's width has no empty one after it.
static u32 put_letter(u32 at, char c)
{
    at = scroll(at + full);
    set(at, colour | (u8)c);
    full = at % screen->columns == screen->columns - 1;
    return at + !full;
}

u32 screen_put(u32 at, char c)
{
    if ((u8)c >= ' ' && c != DEL)
        return put_letter(at, c);
    return c == '\n' ? screen_go(at + screen->columns - at % screen->columns) : at;
}

u32 screen_begin(void)
{
    return cursor % nr_cells();
}

void screen_end(u32 at)
{
    cursor = at;
    screen->cursor(at, cells[at]);
}

void screen_write(const char *s, size_t n)
{
    u32 at = screen_begin();
    for (; n; n--, s++)
        at = screen_put(at, *s);
    screen_end(at);
}

void screen_colour(u16 cell)
{
    colour = cell;
}

void screen_repaint(void)
{
    for (u32 at = 0; at < nr_cells(); at++)
        screen->put(at, cells[at]);
    screen_end(screen_begin());
}

void screen_use(const struct screen_device *d)
{
    screen = d;
    for (u32 at = 0; at < nr_cells(); at++)
        cells[at] = CELL_BLANK;
    cursor = screen_go(0);
    screen_repaint();
}

void screen_init(void)
{
    screen_use(&vga_text);
}
