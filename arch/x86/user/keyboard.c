// The PS/2 keyboard. Scan codes of set 1 (the controller translates to it) become ASCII, as far as
// a US keyboard has it. Other keys give nothing.

#include "arch/x86/cpu.h"
#include "arch/x86/user/upcalls.h"
#include "arch/x86/user/devices.h"

#define KBD_DATA     0x60
#define KBD_STATUS   0x64
#define STATUS_FULL  0x01
#define STATUS_MOUSE 0x20
#define DRAIN_LIMIT  64

#define CODE_EXTENDED 0xe0
#define CODE_RELEASE  0x80
#define CODE_ENTER    0x1c
#define CODE_ALT      0x38
#define CODE_HOME     0x47
#define CODE_DELETE   0x53
#define CODE_CTRL     0x1d
#define CODE_LSHIFT   0x2a
#define CODE_SLASH    0x35
#define CODE_RSHIFT   0x36
#define CODE_CAPS     0x3a

static const char plain[] =
    "\0\0331234567890-=\b\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] =
    "\0\033!@#$%^&*()_+\b\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

// What follows ESC [ for the keys between Home and Delete, as terminals send it.
static const char *const editing[] = {"H", "A", "5~", 0,    "D",  0,   "C",
                                      0,   "F", "B",  "6~", "2~", "3~"};

static bool shift, ctrl, alt, caps, extended;

static void send(const char *s)
{
    while (*s)
        console_input(*s++);
}

static void editing_key(u8 code)
{
    if (code < CODE_HOME || code > CODE_DELETE || !editing[code - CODE_HOME])
        return;
    send("\033[");
    send(editing[code - CODE_HOME]);
}

static void character_key(u8 code)
{
    char c = plain[code];
    if (ctrl && ((c >= 'a' && c <= 'z') || (c >= '[' && c <= ']')))
        c &= 0x1f;
    else if (shift != (caps && c >= 'a' && c <= 'z'))
        c = shifted[code];
    if (c && alt)
        console_input('\033');
    if (c)
        console_input(c);
}

static void key(u8 code, bool pressed, bool ext)
{
    if (code == CODE_CTRL)
        ctrl = pressed;
    if (!ext && (code == CODE_LSHIFT || code == CODE_RSHIFT))
        shift = pressed;
    if (code == CODE_ALT)
        alt = pressed;
    if (code == CODE_CAPS && pressed)
        caps = !caps;
    if (pressed && ext && code != CODE_ENTER && code != CODE_SLASH)
        editing_key(code);
    else if (pressed && code < sizeof(plain) - 1)
        character_key(code);
}

void keyboard_init(void)
{
    for (int i = 0; i < DRAIN_LIMIT && (inb(KBD_STATUS) & STATUS_FULL); i++)
        inb(KBD_DATA);
    ioapic_route(IRQ_KEYBOARD - IRQ_BASE, IRQ_KEYBOARD);
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
