// The PS/2 keyboard: scan codes of set 1 (the controller translates to it) become ASCII, as far
// as a US keyboard has it; other keys give nothing.

#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "arch/x86/user/upcalls.h"

#define KBD_DATA     0x60
#define KBD_STATUS   0x64
#define STATUS_FULL  0x01
#define STATUS_MOUSE 0x20
#define DRAIN_LIMIT  64

#define CODE_EXTENDED 0xe0
#define CODE_RELEASE  0x80
#define CODE_ENTER    0x1c
#define CODE_CTRL     0x1d
#define CODE_LSHIFT   0x2a
#define CODE_SLASH    0x35
#define CODE_RSHIFT   0x36
#define CODE_CAPS     0x3a

static const char plain[] =
    "\0\0331234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] =
    "\0\033!@#$%^&*()_+\b\tQWERTYUIOP{}\n\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

static bool shift, ctrl, caps, extended;

static void key(u8 code, bool pressed, bool ext)
{
    if (code == CODE_CTRL)
        ctrl = pressed;
    if (!ext && (code == CODE_LSHIFT || code == CODE_RSHIFT))
        shift = pressed;
    if (code == CODE_CAPS && pressed)
        caps = !caps;
    if (!pressed || code >= sizeof(plain) - 1)
        return;
    if (ext && code != CODE_ENTER && code != CODE_SLASH) // the others: arrows and their like
        return;
    char c = plain[code];
    if (c >= 'a' && c <= 'z' && ctrl)
        c -= 'a' - 1;
    else if (shift != (caps && c >= 'a' && c <= 'z'))
        c = shifted[code];
    if (c)
        console_input(c);
}

void keyboard_init(void)
{
    for (int i = 0; i < DRAIN_LIMIT && (inb(KBD_STATUS) & STATUS_FULL); i++)
        inb(KBD_DATA);
}

void keyboard_irq(void)
{
    u8 status = inb(KBD_STATUS);
    if (!(status & STATUS_FULL))
        return;
    u8 code = inb(KBD_DATA);
    if (status & STATUS_MOUSE)
        return;
    if (code == CODE_EXTENDED) {
        extended = true;
        return;
    }
    key(code & ~CODE_RELEASE, !(code & CODE_RELEASE), extended);
    extended = false;
}
