// The PC around the CPU: boot information, ACPI, APICs, clock, serial ports, screen, power.
#pragma once

#include "arch/x86/types.h"

// ---- boot information (multiboot2 specification 2.0, section 3.6) ----

// Physical page that smp_start_all() overwrites with the start-up code of the other CPUs.
#define TRAMPOLINE_PA 0x8000

#define MAX_MEM_REGIONS 64

struct mem_region {
    u64 start, end; // end exclusive
};

struct boot_info {
    char cmdline[2048];
    u64 module_start, module_end; // the cpio archive; 0, 0 when none
    u32 nr_modules;
    u64 rsdp; // physical address of a copy of ACPI's root pointer; 0 when none
    u32 nr_regions;
    struct mem_region regions[MAX_MEM_REGIONS]; // usable RAM above 1 MiB, whole pages
};
extern struct boot_info boot_info;

// Copies what the loader left at physical address `mbi`; only the module stays where it is.
// Refuses a wrong `magic` with one line and stops.
void boot_info_parse(u32 magic, u32 mbi);
// The loader's tag of this type, after type and size, or NULL. Before page_init() only.
const void *boot_tag(u32 type);

// `why`, a line that starts with "dr7: ", on VGA and serial, then the machine goes off with status
// 1. For refusals at boot, also before printk works; after serial_init() and screen_init().
__noreturn void boot_refuse(const char *why);

// ---- ACPI (6.4) ----

#define ISA_IRQS 16

struct acpi_cpus {
    u32 count;
    u32 apic_id[64]; // the boot CPU is the first
    u64 lapic_pa, ioapic_pa;
    u32 gsi[ISA_IRQS]; // the I/O APIC's input for each interrupt of the ISA bus
    u16 pm1a_port;     // PM1a control, which switches the machine off; 0: not known
};
extern struct acpi_cpus acpi_cpus;

// Reads the MADT and the FADT. Without ACPI: one CPU and the standard addresses.
void acpi_init(void);

// ---- APICs (SDM vol. 3, chapter 11) ----

// Boot CPU: maps all, masks the 8259s and the I/O APIC, enables its own.
void apic_init(void);
void lapic_enable(void);        // each other CPU
void lapic_timer_start(u32 hz); // IRQ_TIMER on this CPU: a tick, so many times a second
void lapic_eoi(void);
void lapic_send(u32 apic_id, u32 command); // a vector, or what apic_regs.h has
void lapic_send_nmi(u32 apic_id);          // any context

// ---- clock ----

#define NS_PER_SEC 1000000000ull

// Calibrates the TSC and the local APIC timer against the PIT. Boot CPU, IRQs off.
void clock_init(void);
// So many cycles of the time-stamp counter, in nanoseconds.
u64 clock_cycles_ns(u64 cycles);
// Nanoseconds since clock_init(). Monotonic on each CPU. Any context.
u64 clock_ns(void);
// Nanoseconds since the kernel's entry, which is a little before clock_init(); until then 0. Any
// context.
u64 clock_since_entry_ns(void);
// Busy wait.
void clock_delay_us(u64 us);

// ---- serial ports and screen ----

enum { COM1, COM2, COM3, NR_SERIAL };
extern u16 serial_port[NR_SERIAL]; // where its registers are; 0: there is none
void serial_init(void);
void serial_write(int port, const char *s, size_t n); // polls; any context
void serial_drain(void);                              // until all of it is on the line
void screen_init(void);                               // VGA text
void screen_write(const char *s, size_t n);           // any context; arch/x86/screen.h has more

// ---- power ----

// Off. `status` 0 is success. QEMU's isa-debug-exit (status << 1 | 1 is what QEMU exits with; 0
// powers off by ACPI's S5 so that it exits with 0), then Bochs's port 0x8900, then a halt.
__noreturn void machine_off(u32 status);
