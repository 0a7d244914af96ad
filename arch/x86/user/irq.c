// Interrupts that only programs and debuggers need: of the ISA bus, and of a CPU to itself. And
// what comes in by a serial port.

#include "arch/x86/apic_regs.h"
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "arch/x86/serial_regs.h"
#include "arch/x86/upcalls.h"
#include "arch/x86/user/devices.h"

// Destination shorthands of the command register.
#define ICR_SELF 0x40000u
#define ICR_ALL  0x80000u // this CPU, too

#define IRQ_RECEIVE     0x01 // in SERIAL_IRQ_ENABLE
#define STATUS_RECEIVED 0x01

// A shorthand leaves ICR_HIGH as it is. So if #DB has come between the two halves of another
// command, that one still goes where it was meant to.
static void send_shorthand(u32 command)
{
    while (lapic_read(LAPIC_ICR_LOW) & ICR_PENDING)
        cpu_pause();
    lapic_write(LAPIC_ICR_LOW, ICR_ASSERT | command);
}

void lapic_send_self(u32 vector)
{
    send_shorthand(ICR_SELF | vector);
}

void lapic_send_all(u32 vector)
{
    send_shorthand(ICR_ALL | vector);
}

// Edge triggered and active high, as all interrupts of the ISA bus are. The I/O APIC has the same
// delivery modes as the command register.
void ioapic_route(u32 irq, u32 what)
{
    u32 gsi = acpi_cpus.gsi[irq];
    if (gsi >= ioapic_inputs())
        panic("apic: interrupt %u is beyond the I/O APIC's %u inputs", gsi, ioapic_inputs());
    ioapic_write(IOAPIC_ENTRY(gsi) + 1, acpi_cpus.apic_id[0] << 24);
    ioapic_write(IOAPIC_ENTRY(gsi), what);
}

// A byte that reaches the port after the handler's EOI raises a new edge, so none is missed.
void serial_irq_enable(int port)
{
    u32 vector = port == COM1 ? IRQ_SERIAL1 : IRQ_SERIAL2;
    ioapic_route(vector - IRQ_BASE, vector);
    if (serial_port[port])
        outb(serial_port[port] + SERIAL_IRQ_ENABLE, IRQ_RECEIVE);
}

int serial_read(int port)
{
    u16 base = serial_port[port];
    if (!base || !(inb(base + SERIAL_LINE_STATUS) & STATUS_RECEIVED))
        return -1;
    return inb(base + SERIAL_DATA);
}
