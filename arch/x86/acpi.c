// ACPI 6.4, as little as is needed: find a table, and read from the MADT which CPUs and interrupt
// controllers there are. Tables lie anywhere below 4 GiB, all of it in the direct map.

#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "arch/x86/rep.h"
#include "arch/x86/upcalls.h"

struct rsdp { // 5.2.5.3
    char signature[8];
    u8 checksum;
    char oem[6];
    u8 revision; // 2: the fields from length on exist
    u32 rsdt;
    u32 length;
    u64 xsdt;
    u8 checksum2, reserved[3];
} __packed;

struct sdt { // 5.2.6
    char signature[4];
    u32 length;
    u8 revision, checksum;
    char oem[26];
    u8 body[];
} __packed;

struct fadt { // 5.2.9, up to what is needed
    struct sdt head;
    u8 before[28];
    u32 pm1a_control;
} __packed;

struct madt { // 5.2.12
    struct sdt head;
    u32 lapic_pa;
    u32 flags;
    u8 entries[];
} __packed;

enum { MADT_LAPIC = 0, MADT_IOAPIC = 1, MADT_OVERRIDE = 2, MADT_LAPIC_ADDR = 5 };

struct madt_entry {
    u8 type, length;
    union {
        struct {
            u8 uid, apic_id;
            u32 flags; // bit 0: usable
        } __packed lapic;
        struct {
            u8 id, reserved;
            u32 pa, gsi_base;
        } __packed ioapic;
        struct {
            u8 bus, irq;
            u32 gsi;
        } __packed over;
        struct {
            u16 reserved;
            u64 pa;
        } __packed lapic_addr;
    };
} __packed;

#define LAPIC_USABLE 1u

struct acpi_cpus acpi_cpus;

static bool sum_is_zero(const void *p, size_t n)
{
    u8 sum = 0;
    for (const u8 *b = p; n; n--)
        sum += *b++;
    return !sum;
}

// Address of the table with this four-letter signature in direct-mapped memory, or NULL.
static const void *acpi_find(const char *signature)
{
    if (!boot_info.rsdp)
        return NULL;
    const struct rsdp *rsdp = phys_to_virt(boot_info.rsdp);
    bool wide = rsdp->revision >= 2 && rsdp->xsdt;
    const struct sdt *root = phys_to_virt(wide ? rsdp->xsdt : rsdp->rsdt);
    u32 width = wide ? 8 : 4;
    for (u32 off = 0; off + width <= root->length - sizeof(*root); off += width) {
        u64 pa = 0;
        rep_copy(&pa, root->body + off, width);
        const struct sdt *t = phys_to_virt(pa);
        if (!__builtin_memcmp(t->signature, signature, 4) && sum_is_zero(t, t->length))
            return t;
    }
    return NULL;
}

// The boot CPU has its place already.
static void add_cpu(u32 apic_id)
{
    if (apic_id == acpi_cpus.apic_id[0])
        return;
    if (acpi_cpus.count == MAX_CPUS) {
        printk("acpi: more than %d CPUs: APIC id %u is left out\n", MAX_CPUS, apic_id);
        return;
    }
    acpi_cpus.apic_id[acpi_cpus.count++] = apic_id;
}

static void madt_read(const struct madt_entry *e)
{
    switch (e->type) {
    case MADT_LAPIC:
        if (e->lapic.flags & LAPIC_USABLE)
            add_cpu(e->lapic.apic_id);
        break;
    case MADT_IOAPIC:
        if (e->ioapic.gsi_base == 0) // the ISA interrupts are on this one
            acpi_cpus.ioapic_pa = e->ioapic.pa;
        break;
    case MADT_OVERRIDE:
        if (e->over.irq < ISA_IRQS)
            acpi_cpus.gsi[e->over.irq] = e->over.gsi;
        break;
    case MADT_LAPIC_ADDR:
        acpi_cpus.lapic_pa = e->lapic_addr.pa;
        break;
    }
}

void acpi_init(void)
{
    u32 id[4];
    cpuid(1, 0, id);
    acpi_cpus = (struct acpi_cpus){
        .count = 1,
        .apic_id[0] = id[1] >> 24,
        .lapic_pa = 0xfee00000,
        .ioapic_pa = 0xfec00000,
    };
    for (u32 irq = 0; irq < ISA_IRQS; irq++)
        acpi_cpus.gsi[irq] = irq;
    const struct fadt *f = acpi_find("FACP");
    const struct madt *m = acpi_find("APIC");
    acpi_cpus.pm1a_port = f ? f->pm1a_control : 0;
    if (!m) {
        printk("acpi: no MADT: one CPU, interrupt controllers at their usual places\n");
        return;
    }
    acpi_cpus.lapic_pa = m->lapic_pa;
    u32 size = m->head.length - sizeof(*m);
    for (u32 off = 0; off + 2 <= size;) {
        const struct madt_entry *e = (const struct madt_entry *)&m->entries[off];
        if (e->length < 2 || off + e->length > size)
            break; // a broken table: what came before counts
        madt_read(e);
        off += e->length;
    }
}
