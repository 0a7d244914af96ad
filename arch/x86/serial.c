// The serial ports (16550A): their output, polled. Input: arch/x86/user/irq.c.

#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "arch/x86/serial_regs.h"

#define LINE_8N1        0x03
#define LINE_DIVISOR    0x80 // registers 0 and 1 are the divisor's bytes
#define DIVISOR_115200  1
#define FIFO_ON_CLEARED 0x07
#define FIFO_SIZE       16
#define MODEM_DTR_RTS   0x03
#define MODEM_OUT2      0x08 // lets the interrupt line through
#define STATUS_EMPTY    0x20 // output FIFO
#define STATUS_SENT     0x40 // ... and the last byte is on the line

u16 serial_port[NR_SERIAL]; // constant after serial_init()

// A port that is not there reads as ones, which look like input for ever.
static bool probe(u16 base)
{
    outb(base + SERIAL_SCRATCH, 0x5a);
    return inb(base + SERIAL_SCRATCH) == 0x5a;
}

void serial_init(void)
{
    static const u16 bases[] = {[COM1] = 0x3f8, [COM2] = 0x2f8, [COM3] = 0x3e8};
    for (u32 i = 0; i < NR_SERIAL; i++) {
        u16 base = bases[i];
        outb(base + SERIAL_IRQ_ENABLE, 0);
        outb(base + SERIAL_LINE_CONTROL, LINE_DIVISOR);
        outb(base + SERIAL_DATA, DIVISOR_115200);
        outb(base + SERIAL_IRQ_ENABLE, 0); // the divisor's upper byte
        outb(base + SERIAL_LINE_CONTROL, LINE_8N1);
        outb(base + SERIAL_FIFO_CONTROL, FIFO_ON_CLEARED);
        outb(base + SERIAL_MODEM_CONTROL, MODEM_DTR_RTS | MODEM_OUT2);
        serial_port[i] = probe(base) ? base : 0;
    }
}

void serial_write(int port, const char *s, size_t n)
{
    u16 base = serial_port[port];
    while (n && base) {
        while (!(inb(base + SERIAL_LINE_STATUS) & STATUS_EMPTY))
            cpu_pause();
        for (int room = FIFO_SIZE; n && room; n--, room--)
            outb(base + SERIAL_DATA, *s++);
    }
}

void serial_drain(void)
{
    for (u32 i = 0; i < NR_SERIAL; i++) {
        while (serial_port[i] && !(inb(serial_port[i] + SERIAL_LINE_STATUS) & STATUS_SENT))
            cpu_pause();
    }
}
