// Local APIC and I/O APIC, by memory-mapped registers only (xAPIC). The enable bit in
// MSR_APIC_BASE is never touched: it is set at reset, and Bochs cannot set it again once it was
// cleared.

#include "arch/x86/cpu.h"
#include "arch/x86/paging.h"
#include "arch/x86/platform.h"
#include "arch/x86/trap.h"
#include "arch/x86/upcalls.h"
#include "arch/x86/apic_regs.h"

#define PIC1_CMD  0x20
#define PIC1_DATA 0x21
#define PIC2_CMD  0xa0
#define PIC2_DATA 0xa1

static volatile u32 *lapic __protected_bss;
static volatile u32 *ioapic;

// ---- local APIC ----

// Protected as far as an NMI sends NMIs.
__protected_text u32 lapic_read(u32 reg)
{
    return lapic[reg / 4];
}

__protected_text void lapic_write(u32 reg, u32 v)
{
    lapic[reg / 4] = v;
}

void lapic_eoi(void)
{
    lapic_write(LAPIC_EOI, 0);
}

void lapic_enable(void)
{
    lapic_write(LAPIC_TPR, 0);
    lapic_write(LAPIC_LVT_TIMER, LVT_MASKED);
    lapic_write(LAPIC_LVT_LINT0, LVT_MASKED); // the 8259s' way in
    lapic_write(LAPIC_LVT_LINT1, LVT_MASKED);
    lapic_write(LAPIC_LVT_ERROR, LVT_MASKED);
    lapic_write(LAPIC_SPURIOUS, SPURIOUS_ENABLE | IRQ_SPURIOUS);
    lapic_eoi();
}

// ---- its timer (SDM vol. 3, 11.5.4) ----

u64 lapic_tick_ns[MAX_CPUS];

void lapic_timer_set(u32 entry, u32 count)
{
    lapic_write(LAPIC_TIMER_DIVIDE, TIMER_DIVIDE_16);
    lapic_write(LAPIC_LVT_TIMER, entry);
    lapic_write(LAPIC_TIMER_INITIAL, count);
}

void lapic_timer_start(u32 hz)
{
    lapic_tick_ns[cpu_id()] = NS_PER_SEC / hz;
    lapic_timer_set(LVT_PERIODIC | IRQ_TIMER, MAX(lapic_timer_hz / hz, 1));
}

// ---- interrupts to CPUs ----

// The two halves of the command register belong together, so no interrupt may come between.
__protected_text void lapic_send(u32 apic_id, u32 command)
{
    u64 flags = irq_save();
    while (lapic_read(LAPIC_ICR_LOW) & ICR_PENDING)
        cpu_pause();
    lapic_write(LAPIC_ICR_HIGH, apic_id << 24);
    lapic_write(LAPIC_ICR_LOW, ICR_ASSERT | command);
    irq_restore(flags);
}

// A debugger may have interrupted another command between its halves: its first half is put back.
__protected_text void lapic_send_nmi(u32 apic_id)
{
    u32 high = lapic_read(LAPIC_ICR_HIGH);
    lapic_send(apic_id, ICR_NMI);
    while (lapic_read(LAPIC_ICR_LOW) & ICR_PENDING)
        cpu_pause();
    lapic_write(LAPIC_ICR_HIGH, high);
}

// ---- 8259s and I/O APIC ----

// Masked for good. They are moved off the exception vectors first: a spurious interrupt cannot be
// masked.
static void pic_disable(void)
{
    static const u8 words[][2] = {
        {IRQ_BASE, IRQ_BASE + 8}, // ICW2: vectors
        {0x04, 0x02},             // ICW3: the second hangs on line 2 of the first
        {0x01, 0x01},             // ICW4: 8086 mode
        {0xff, 0xff},             // OCW1: mask
    };
    outb(PIC1_CMD, 0x11); // ICW1: initialise, ICW4 follows
    outb(PIC2_CMD, 0x11);
    for (u32 i = 0; i < ARRAY_SIZE(words); i++) {
        outb(PIC1_DATA, words[i][0]);
        outb(PIC2_DATA, words[i][1]);
    }
}

u32 ioapic_read(u32 reg)
{
    ioapic[IOAPIC_SELECT / 4] = reg;
    return ioapic[IOAPIC_WINDOW / 4];
}

void ioapic_write(u32 reg, u32 v)
{
    ioapic[IOAPIC_SELECT / 4] = reg;
    ioapic[IOAPIC_WINDOW / 4] = v;
}

u32 ioapic_inputs(void)
{
    return (ioapic_read(IOAPIC_VERSION) >> 16 & 0xff) + 1;
}

void apic_init(void)
{
    lapic = mmio_map(acpi_cpus.lapic_pa, PAGE_SIZE);
    ioapic = mmio_map(acpi_cpus.ioapic_pa, PAGE_SIZE);
    pic_disable();
    lapic_enable();
    for (u32 i = 0; i < ioapic_inputs(); i++)
        ioapic_write(IOAPIC_ENTRY(i), LVT_MASKED);
}
