// Switching the machine off, in the ways that QEMU and Bochs offer.

#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "arch/x86/upcalls.h"

#define DEBUG_EXIT_PORT 0xf4   // QEMU's isa-debug-exit: exits with status << 1 | 1
#define QEMU_PM1A_PORT  0x604  // PM1a control, as QEMU's firmware places it (pc and q35)
#define PM1A_SLEEP_S5   0x2000 // SLP_EN with SLP_TYP 0, which QEMU's DSDT names for S5
#define BOCHS_OFF_PORT  0x8900 // the word "Shutdown", byte by byte, ends Bochs

__noreturn void machine_off(u32 status)
{
    irq_disable();
    debugger_off(status);
    serial_drain(); // an emulator drops what is still in the FIFO
    if (status)
        outb(DEBUG_EXIT_PORT, status);
    // Each port below is free in the other emulator, so the writes need no test for which one this
    // is. The sleep type could be had from ACPI's DSDT, at the price of an AML parser.
    outw(QEMU_PM1A_PORT, PM1A_SLEEP_S5);
    for (const char *c = "Shutdown"; *c; c++)
        outb(BOCHS_OFF_PORT, *c);
    if (acpi_cpus.pm1a_port) // with other firmware, UEFI for one, it is elsewhere
        outw(acpi_cpus.pm1a_port, PM1A_SLEEP_S5);
    for (;;)
        cpu_halt();
}
