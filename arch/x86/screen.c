// The screen as a grid of cells that scrolls. All state is small numbers, bounded at each use, so
// that a panic on another CPU in the middle of a write does no harm.

#include "arch/x86/screen.h"

#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"

#define TAB 8
#define DEL 0x7f

static const struct screen_device *device;
static u16 cells[MAX_COLUMNS * MAX_ROWS]; // what the device shows
static u32 cursor;                        // cell
static u16 colour = CELL_PLAIN;

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

void screen_blank(u32 from, u32 end)
{
    while (from < end)
        set(from++, CELL_BLANK);
}

static void scroll(void)
{
    u32 end = nr_cells() - device->columns;
    for (u32 i = 0; i < end; i++)
        set(i, cells[i + device->columns]);
    screen_blank(end, nr_cells());
}

u32 screen_put(u32 at, char c)
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

u32 screen_begin(void)
{
    return cursor % nr_cells();
}

void screen_end(u32 at)
{
    cursor = at;
    device->cursor(at, cells[at]);
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
        device->put(at, cells[at]);
    screen_end(screen_begin());
}

void screen_use(const struct screen_device *d)
{
    device = d;
    for (u32 at = 0; at < nr_cells(); at++)
        cells[at] = CELL_BLANK;
    cursor = 0;
    screen_repaint();
}

void screen_init(void)
{
    screen_use(&vga_text);
}

void screen_size(u32 *columns, u32 *rows)
{
    *columns = device->columns;
    *rows = device->rows;
}
