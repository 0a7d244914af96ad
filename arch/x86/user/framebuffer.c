// Text on a framebuffer of 32 bits a pixel, which UEFI machines have instead of VGA text. The font
// is GRUB's (tools/font.py).

#include <font.h>

#include "arch/x86/platform.h"
#include "arch/x86/paging.h"
#include "arch/x86/screen.h"
#include "arch/x86/user/devices.h"

#define TAG_FRAMEBUFFER 8 // multiboot2 specification 2.0, 3.6.12
#define TYPE_RGB        1
#define BITS            32

struct tag {
    u64 pa;
    u32 pitch, width, height; // pitch: bytes from line to line
    u8 bits, type;
    u16 reserved;
    struct {
        u8 at, bits;
    } red, green, blue;
} __packed;

static struct tag framebuffer; // as the loader has set it up
static struct screen_device device;
static u8 *pixels;      // NULL: not mapped yet
static u32 cursor_at;   // where the cursor is painted
static u16 cursor_cell; // and over which cell

// A VGA colour as a pixel.
static u32 colour(u32 vga)
{
    const struct tag *f = &framebuffer;
    u32 some = vga & 8 ? 0x55 : 0, more = 0xaa;
    return (some + (vga & 4 ? more : 0)) << f->red.at |
           (some + (vga & 2 ? more : 0)) << f->green.at |
           (some + (vga & 1 ? more : 0)) << f->blue.at;
}

static void paint(u32 at, u16 cell)
{
    u32 ink = colour(cell >> 8 & 0xf), paper = colour(cell >> 12);
    u32 pitch = framebuffer.pitch;
    const u8 *glyph = font[(u8)cell < FONT_GLYPHS ? (u8)cell : '?'];
    u8 *line = pixels + (u64)(at / device.columns) * FONT_HEIGHT * pitch +
               at % device.columns * FONT_WIDTH * sizeof(u32);
    for (u32 y = 0; y < FONT_HEIGHT; y++, line += pitch)
        for (u32 x = 0; x < FONT_WIDTH; x++)
            ((volatile u32 *)line)[x] = glyph[y] & 0x80 >> x ? ink : paper;
}

static void put(u32 at, u16 cell)
{
    if (pixels)
        paint(at, cell);
    if (at == cursor_at)
        cursor_cell = cell;
}

static void cursor(u32 at, u16 cell)
{
    if (!pixels)
        return;
    paint(cursor_at, cursor_cell);
    paint(at, (cell & 0xff) | (cell & 0x0f00) << 4 | (cell & 0xf000) >> 4);
    cursor_at = at;
    cursor_cell = cell;
}

void framebuffer_init(void)
{
    const struct tag *f = boot_tag(TAG_FRAMEBUFFER);
    if (!f || f->type != TYPE_RGB || f->bits != BITS || f->width < FONT_WIDTH ||
        f->height < FONT_HEIGHT)
        return;
    framebuffer = *f;
    u64 size = (u64)f->pitch * f->height;
    device = (struct screen_device){
        .columns = MIN(f->width / FONT_WIDTH, MAX_COLUMNS),
        .rows = MIN(f->height / FONT_HEIGHT, MAX_ROWS),
        .put = put,
        .cursor = cursor,
    };
    if (f->pa + size <= BOOT_MAP_END)
        pixels = phys_to_virt(f->pa);
    screen_use(&device);
}

void framebuffer_map(void)
{
    const struct tag *f = &framebuffer;
    if (!device.columns || pixels)
        return;
    pixels = mmio_map(f->pa, (u64)f->pitch * f->height);
    screen_repaint();
}
