// The serial ports (16550A): output polled, input by interrupt.

#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"

enum {
    DATA = 0,
    IRQ_ENABLE = 1,
    FIFO_CONTROL = 2,
    LINE_CONTROL = 3,
    MODEM_CONTROL = 4,
    LINE_STATUS = 5,
    SCRATCH = 7 // remembers what is written
};

#define LINE_8N1        0x03
#define LINE_DIVISOR    0x80 // registers 0 and 1 are the divisor's bytes
#define DIVISOR_115200  1
#define FIFO_ON_CLEARED 0x07
#define FIFO_SIZE       16
#define MODEM_DTR_RTS   0x03
#define MODEM_OUT2      0x08 // lets the interrupt line through
#define IRQ_RECEIVE     0x01
#define STATUS_RECEIVED 0x01
#define STATUS_EMPTY    0x20 // output FIFO
#define STATUS_SENT     0x40 // ... and the last byte is on the line

static const u16 base[] = {[COM1] = 0x3f8, [COM2] = 0x2f8, [COM3] = 0x3e8};
static bool present[ARRAY_SIZE(base)]; // constant after serial_init()

// A port that is not there reads as ones, which look like input for ever.
static bool probe(int port)
{
    outb(base[port] + SCRATCH, 0x5a);
    return inb(base[port] + SCRATCH) == 0x5a;
}

void serial_init(void)
{
    for (u32 i = 0; i < ARRAY_SIZE(base); i++) {
        outb(base[i] + IRQ_ENABLE, 0);
        outb(base[i] + LINE_CONTROL, LINE_DIVISOR);
        outb(base[i] + DATA, DIVISOR_115200);
        outb(base[i] + IRQ_ENABLE, 0); // the divisor's upper byte
        outb(base[i] + LINE_CONTROL, LINE_8N1);
        outb(base[i] + FIFO_CONTROL, FIFO_ON_CLEARED);
        outb(base[i] + MODEM_CONTROL, MODEM_DTR_RTS | MODEM_OUT2);
        present[i] = probe(i);
    }
}

void serial_write(int port, const char *s, size_t n)
{
    while (n && present[port]) {
        while (!(inb(base[port] + LINE_STATUS) & STATUS_EMPTY))
            cpu_pause();
        for (int room = FIFO_SIZE; n && room; n--, room--)
            outb(base[port] + DATA, *s++);
    }
}

bool serial_present(int port)
{
    return present[port];
}

void serial_drain(void)
{
    for (u32 i = 0; i < ARRAY_SIZE(base); i++) {
        while (present[i] && !(inb(base[i] + LINE_STATUS) & STATUS_SENT))
            cpu_pause();
    }
}

int serial_read(int port)
{
    if (!present[port] || !(inb(base[port] + LINE_STATUS) & STATUS_RECEIVED))
        return -1;
    return inb(base[port] + DATA);
}

void serial_irq_enable(int port)
{
    outb(base[port] + IRQ_ENABLE, IRQ_RECEIVE);
}
