// The control sequences of the VGA screen, read back from its memory.
#include "arch/x86/layout.h"
#include "arch/x86/platform.h"
#include "arch/x86/user/devices.h"
#include "kernel/base/string.h"
#include "test/kernel/ktest.h"

#define COLS 80
#define ROWS 25

static volatile u16 *screen(void)
{
    return phys_to_virt(0xb8000);
}

static void show(const char *s)
{
    terminal_write(s, strlen(s));
}

// True if this text stands there in this colour, and the rest of the line is blank.
static bool line_is(u32 row, u32 column, u16 colour, const char *want)
{
    volatile u16 *cell = screen() + row * COLS;
    u32 len = strlen(want);
    for (u32 i = 0; i < COLS; i++) {
        bool inside = i >= column && i - column < len;
        if (cell[i] != (inside ? colour | (u8)want[i - column] : 0x0720))
            return false;
    }
    return true;
}

KTEST(vga_sequences, "vga-sequences", NULL)
{
    show("\x1b[2J\x1b[Hleft \x1b[7mturned\x1b[m");
    EXPECT(!line_is(0, 0, 0x0700, "left turned")); // the colour differs
    EXPECT_EQ((u64)screen()[5], 0x7000 | 't');
    show("\x1b[1;6H\x1b[K");
    EXPECT(line_is(0, 0, 0x0700, "left "));
    show("\x1b[3;11Hthere\x1b[25;76Hend");
    EXPECT(line_is(2, 10, 0x0700, "there"));
    EXPECT(line_is(ROWS - 1, 75, 0x0700, "end"));
    show("\x1b[99;99H#"); // the last cell: the screen moves up when more comes
    EXPECT(line_is(2, 10, 0x0700, "there"));
    show("\n");
    EXPECT(line_is(1, 10, 0x0700, "there"));
    EXPECT(line_is(ROWS - 2, 75, 0x0700, "end #"));
    show("\x1b[2;13H\x1b[J");
    EXPECT(line_is(1, 10, 0x0700, "th"));
    EXPECT(line_is(ROWS - 2, 0, 0x0700, ""));
    show("\x1b[12345678901234;;;;5zx\x1b!y"); // unknown ones: skipped
    EXPECT(line_is(1, 10, 0x0700, "thxy"));
    show("\x1b[?25l\x1b[2;13H\a\x1b[2D\x1b[9A1\x1b[B2\x1b[99C3\x1b[99D4"); // to the edges
    EXPECT_EQ((u64)screen()[10], 0x0700 | '1');
    EXPECT_EQ((u64)screen()[COLS + 11], 0x0700 | '2');
    EXPECT_EQ((u64)screen()[2 * COLS - 1], 0x0700 | '3');
    EXPECT_EQ((u64)screen()[COLS], 0x0700 | '4');
    show("\x1b[2J\x1b[H");
    EXPECT(line_is(0, 0, 0x0700, ""));
}

// A text as long as a line takes one line, whatever comes after it.
KTEST(vga_full_line, "vga-full-line", NULL)
{
    show("\x1b[2J\x1b[1;78Habc\r\nd"); // no empty line between
    EXPECT(line_is(0, 77, 0x0700, "abc"));
    EXPECT(line_is(1, 0, 0x0700, "d"));
    show("\x1b[3;78Habc\x1b[me\x1b[80Cf"); // the next letter wraps
    EXPECT(line_is(2, 77, 0x0700, "abc"));
    EXPECT_EQ((u64)screen()[3 * COLS], 0x0700 | 'e');
    EXPECT_EQ((u64)screen()[4 * COLS - 1], 0x0700 | 'f');
    show("\x1b[5;80Hx\x1b[5;80Hy\bz"); // no wrap after the cursor was moved
    EXPECT(line_is(4, 78, 0x0700, "zy"));
    EXPECT(line_is(5, 0, 0x0700, ""));
    show("\x1b[7;80Hx\ty"); // a tab goes to the next line
    EXPECT(line_is(7, 0, 0x0700, "y"));
    show("\x1b[2J\x1b[H");
}
