// VGA text, 80 by 25: the PC's own screen as long as the firmware is a BIOS.

#include "arch/x86/cpu.h"
#include "arch/x86/screen.h"

#define VGA_PA      0xb8000
#define CRTC_INDEX  0x3d4
#define CRTC_DATA   0x3d5
#define CRTC_SHAPE  0x0a // first and last scan line of the cursor, 0x0a and 0x0b
#define CRTC_CURSOR 0x0e // position, high and low byte, 0x0e and 0x0f

static void crtc_write(u8 reg, u8 v)
{
    outb(CRTC_INDEX, reg);
    outb(CRTC_DATA, v);
}

static void put(u32 at, u16 cell)
{
    volatile u16 *screen = phys_to_virt(VGA_PA);
    screen[at] = cell;
}

static void cursor(u32 at, u16)
{
    static bool shaped;
    if (!shaped) {
        crtc_write(CRTC_SHAPE, 13);
        crtc_write(CRTC_SHAPE + 1, 14);
        shaped = true;
    }
    crtc_write(CRTC_CURSOR, at >> 8);
    crtc_write(CRTC_CURSOR + 1, at & 0xff);
}

const struct screen_device vga_text = {.columns = 80, .rows = 25, .put = put, .cursor = cursor};
