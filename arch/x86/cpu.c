// Bringing one CPU into its final state: segments, stacks for exceptions, control registers.
#include "arch/x86/cpu.h"
#include "arch/x86/trap.h"
#include "arch/x86/upcalls.h"

// CPUID bits (SDM vol. 2, CPUID).
#define CPUID_1_EDX_PGE     BIT(13)
#define CPUID_1_ECX_VIRTUAL BIT(31)
#define CPUID_HYPERVISOR    0x40000000u

// Descriptors: 64-bit code, data, and a TSS (SDM vol. 3, 3.4.5 and 8.2.3).
#define DESC_KERNEL_CODE 0x00af9b000000ffffull
#define DESC_KERNEL_DATA 0x00cf93000000ffffull
#define DESC_TSS         0x0000890000000000ull
#define TSS_SELECTOR     0x18
#define IST_STACK_SIZE   (2 * PAGE_SIZE)
#define IST_STACKS       3

// Numbers that entry.asm repeats.
_Static_assert(offsetof(struct cpu, user_rsp) == 8 && offsetof(struct cpu, kernel_rsp) == 16,
               "the first fields of struct cpu have fixed places");
_Static_assert(sizeof(struct trapframe) == 22 * 8, "entry.asm pushes 22 words");

struct cpu cpus[MAX_CPUS] __protected_bss;
u32 nr_cpus = 1; // the boot CPU
struct cpu_features cpu_features __protected_bss;

// The boot CPU's, until there is memory.
static u8 early_stacks[IST_STACKS][IST_STACK_SIZE] __protected_bss __aligned(16);

void cpu_detect(void)
{
    struct cpu_features *c = &cpu_features;
    u32 r[4];

    cpuid(1, 0, r);
    c->pge = r[3] & CPUID_1_EDX_PGE;
    if (r[2] & CPUID_1_ECX_VIRTUAL) {
        cpuid(CPUID_HYPERVISOR, 0, r);
        c->is_tcg = !__builtin_memcmp(&r[1], "TCGTCGTCGTCG", 12);
    }
}

static void load_segments(struct cpu *c)
{
    u64 base = (u64)&c->tss;
    u64 limit = sizeof(c->tss) - 1;
    c->gdt[KERNEL_CS / 8] = DESC_KERNEL_CODE;
    c->gdt[KERNEL_DS / 8] = DESC_KERNEL_DATA;
    c->gdt[TSS_SELECTOR / 8] =
        DESC_TSS | limit | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
    c->gdt[TSS_SELECTOR / 8 + 1] = base >> 32;

    struct {
        u16 limit;
        u64 base;
    } __packed gdtr = {sizeof(c->gdt) - 1, (u64)c->gdt};
    __asm__ volatile("lgdt %0\n"
                     "pushq %1\n"
                     "leaq 1f(%%rip), %%rax\n"
                     "pushq %%rax\n"
                     "lretq\n"
                     "1:\n"
                     "mov %2, %%ss\n"
                     "mov %3, %%ds\n"
                     "mov %3, %%es\n"
                     "mov %3, %%fs\n"
                     "mov %3, %%gs\n"
                     "ltr %w4\n"
                     "lldt %w3\n" // there is no LDT: a selector into one is #GP
                     ::"m"(gdtr),
                     "i"(KERNEL_CS), "r"(KERNEL_DS), "r"(0), "r"(TSS_SELECTOR)
                     : "rax", "memory");
}

static void set_control_registers(void)
{
    write_cr0((read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE | CR0_WP | CR0_AM);
    write_cr4(read_cr4() | CR4_DE | (cpu_features.pge ? CR4_PGE : 0));
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
    cpu_init_user();
}

bool cpu_give_stacks(u32 id)
{
    struct tss *tss = &cpus[id].tss;
    for (int i = 0; i < IST_STACKS; i++) {
        if (kstack_top(tss->ist[i] - 1)) // given before, to a CPU that did not come
            continue;
        u64 top = kstack_alloc();
        if (!top)
            return false;
        tss->ist[i] = top;
    }
    return true;
}

void cpu_init(u32 id, u32 apic_id)
{
    struct cpu *c = &cpus[id];
    c->self = c;
    c->id = id;
    c->apic_id = apic_id;
    c->tss.iomap_base = sizeof(c->tss); // beyond the limit: no port is open to ring 3
    for (int i = 0; i < IST_STACKS && id == 0; i++)
        c->tss.ist[i] = (u64)(early_stacks[i] + IST_STACK_SIZE);

    load_segments(c);
    wrmsr(MSR_GS_BASE, (u64)c); // after the selector, which clears the base
    wrmsr(MSR_KERNEL_GS_BASE, 0);
    trap_load_idt();
    set_control_registers();
    dr_init();
}
