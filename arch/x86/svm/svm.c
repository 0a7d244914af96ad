// Guests: who may run one, its control block, one entry and one exit.
#include "arch/x86/svm/svm.h"
#include "arch/x86/svm/debugreg_guest.h"
#include "arch/x86/debugreg_hw.h"
#include "arch/x86/paging.h"
#include "arch/x86/rep.h"
#include "arch/x86/svm/svm_vmcb.h"
#include "arch/x86/upcalls.h"

// AMD APM vol. 3, CPUID 8000_0001h and 8000_000Ah; vol. 2, 15.30 and 3.1.7.
#define PTE_A BIT(5) // accessed, and
#define PTE_D BIT(6) // dirty: so the CPU need not set them

#define CPUID_EXT1_SVM  BIT(2)
#define CPUID_SVM       0x8000000au
#define MSR_VM_CR       0xc0010114
#define VM_CR_SVMDIS    BIT(4)
#define MSR_VM_HSAVE_PA 0xc0010117
#define IOPM_BYTES      (3 * PAGE_SIZE)
#define MSRPM_BYTES     (2 * PAGE_SIZE)
#define VMMCALL_BYTES   3
#define GUEST_ASID      1 // every entry forgets all translations, so that one is enough

// What a guest starts with. IF is for interrupts of its own; it has none. Bochs 2.7 takes a guest
// that is entered without it for one that no interrupt of the host's ends either.
#define RFLAGS_START     (BIT(1) | RFLAGS_IF)
#define SEGMENT_CODE64   0xa9b // present, ring 0, executable; L and G (AMD APM vol. 2, 15.5.1)
#define SEGMENT_DATA     0xc93
#define SEGMENT_TSS_BUSY 0x08b
#define SEGMENT_LDT      0x082

static bool available;
static struct {
    u64 save_pa; // what VMRUN saves of the host
    u64 more_pa; // what VMSAVE saves of it
    bool on;     // written by the CPU itself
} per_cpu[MAX_CPUS];

// All bits set: every port and every MSR is intercepted.
static u8 iopm[IOPM_BYTES] __aligned(4096);
static u8 msrpm[MSRPM_BYTES] __aligned(4096);

void svm_enter(u64 vmcb_pa, struct svm_registers *regs, u64 host_pa); // svm.asm

static bool detect(void)
{
    u32 r[4];
    cpuid(CPUID_EXT, 0, r);
    if (r[0] < CPUID_SVM)
        return false;
    cpuid(CPUID_EXT + 1, 0, r);
    return (r[2] & CPUID_EXT1_SVM) && !(rdmsr(MSR_VM_CR) & VM_CR_SVMDIS);
}

static u64 must_alloc(void)
{
    u64 pa = page_alloc_zeroed();
    if (!pa)
        panic("svm: no memory at boot");
    return pa;
}

void svm_init(void)
{
    available = detect();
    if (!available)
        return;
    rep_fill(iopm, 0xff, sizeof(iopm));
    rep_fill(msrpm, 0xff, sizeof(msrpm));
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        per_cpu[cpu].save_pa = must_alloc();
        per_cpu[cpu].more_pa = must_alloc();
    }
}

bool svm_available(void)
{
    return available;
}

static void switch_on(void)
{
    u32 cpu = cpu_id();
    if (per_cpu[cpu].on)
        return;
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
    wrmsr(MSR_VM_HSAVE_PA, per_cpu[cpu].save_pa);
    per_cpu[cpu].on = true;
}

// ---- making a guest ----

static struct vmcb *vmcb_of(const struct svm_guest *g)
{
    return phys_to_virt(g->vmcb_pa);
}

// SVM_GUEST_MEMORY bytes at address 0, and nothing else. The tables are not among them, and CR3 is
// not the guest's to write.
static void fill_tables(const struct svm_guest *g)
{
    u64 *table = NULL;
    for (int level = 0; level < SVM_TABLES; level++) {
        if (table)
            table[0] = g->table_pa[level] | PTE_P | PTE_W | PTE_A;
        table = phys_to_virt(g->table_pa[level]);
    }
    for (u64 page = 0; page < SVM_GUEST_MEMORY / PAGE_SIZE; page++)
        table[page] = (g->memory_pa + page * PAGE_SIZE) | PTE_P | PTE_W | PTE_A | PTE_D;
}

// A #DB is delivered by the processor alone. While the delivery of each raises the next, no
// interrupt gets through. Here that ends: each takes some of the stack, and there is little memory.
// So there must be no task register, which could give #DB a stack of its own.
static void fill_intercepts(struct vmcb *v)
{
    v->cr_read = v->cr_write = v->dr_read = v->dr_write = SVM_ALL_REGISTERS;
    v->exceptions = ~(u32)BIT(TRAP_DB);
    v->intercept = SVM_INTR | SVM_NMI | SVM_INIT | SVM_LTR | SVM_RDPMC | SVM_INVD | SVM_HLT |
                   SVM_INVLPGA | SVM_IOIO | SVM_MSR | SVM_TASK | SVM_SHUTDOWN | SVM_VMRUN |
                   SVM_VMMCALL | SVM_VMLOAD | SVM_VMSAVE | SVM_STGI | SVM_CLGI | SVM_SKINIT |
                   SVM_WBINVD | SVM_MONITOR | SVM_MWAIT | SVM_XSETBV;
    v->iopm_pa = virt_to_phys(iopm);
    v->msrpm_pa = virt_to_phys(msrpm);
}

static void fill_state(struct vmcb *v, u64 cr3)
{
    struct vmcb_segment data = {.attributes = SEGMENT_DATA, .limit = ~0u};
    v->cs = data; // its GDT must say the same of this selector: IRETQ loads it
    v->cs.selector = KERNEL_CS;
    v->cs.attributes = SEGMENT_CODE64;
    v->es = v->ss = v->ds = v->fs = v->gs = data;
    v->ldtr = (struct vmcb_segment){.attributes = SEGMENT_LDT};
    v->tr = (struct vmcb_segment){.attributes = SEGMENT_TSS_BUSY};
    v->efer = EFER_LME | EFER_LMA | EFER_SVME;
    // TS keeps it away from the SSE registers, which are a program's.
    v->cr0 = CR0_PE | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
    v->cr3 = cr3;
    v->cr4 = CR4_DE | CR4_PAE;
    v->dr6 = DR6_ACTIVE_LOW;
    v->dr7 = DR7_FIXED_1;
    v->rflags = RFLAGS_START;
    v->rsp = SVM_GUEST_MEMORY;
}

int svm_guest_init(struct svm_guest *g, u64 memory_pa)
{
    *g = (struct svm_guest){.vmcb_pa = page_alloc_zeroed(), .memory_pa = memory_pa};
    bool complete = g->vmcb_pa;
    for (int level = 0; level < SVM_TABLES; level++) {
        g->table_pa[level] = page_alloc_zeroed();
        complete &= g->table_pa[level] != 0;
    }
    if (!complete) {
        svm_guest_release(g);
        return -1;
    }
    struct vmcb *v = vmcb_of(g);
    fill_tables(g);
    fill_intercepts(v);
    fill_state(v, g->table_pa[0]);
    v->asid = GUEST_ASID;
    v->tlb_control = SVM_FLUSH_ALL;
    v->int_control = SVM_V_INTR_MASKING;
    return 0;
}

void svm_guest_release(struct svm_guest *g)
{
    page_unref(g->vmcb_pa);
    for (int level = 0; level < SVM_TABLES; level++)
        page_unref(g->table_pa[level]);
}

// ---- QEMU ----
//
// QEMU keeps breakpoints in a list. A MOV to a debug register takes out what DR7 meant before and
// puts in what it means now. VMRUN and #VMEXIT exchange the value and leave the list alone; and an
// old value that does not fit the list makes QEMU itself crash. So in QEMU
//   - the host's breakpoints leave the list before the entry (dr_lend), and the guest's go in, but
//     for those outside its memory: they could only hit the host;
//   - the guest does not change the list by itself, lest after the exit DR7, which is then what it
//     was before the entry, does not fit it;
//   - after the exit the guest's go out. (Some versions have cleared the enable bits by then. A
//     value whose other bits differ takes out everything.)

#define DR7_TYPES        0xffff0000ull
#define DR7_LE_GE        (3ull << 8)
#define QUIRK_INTERCEPTS (0xf | BIT(7)) // writes to DR0-DR3 and DR7

static __protected_text void quirk_arm(const struct svm_guest *g, u64 dr7)
{
    if (!cpu_features.is_tcg || dr7 == DR7_FIXED_1)
        return;
    for (int i = 0; i < HBP_NUM; i++)
        if (g->dr[i] >= SVM_GUEST_MEMORY)
            dr7 &= ~(3ull << (i * 2));
    hw_write_dr(7, dr7);
}

static __protected_text void quirk_disarm(u64 dr7)
{
    if (!cpu_features.is_tcg || dr7 == DR7_FIXED_1)
        return;
    hw_write_dr(7, (dr7 & DR7_TYPES) | DR7_FIXED_1 | DR7_LE_GE);
    hw_write_dr(7, DR7_FIXED_1);
}

// Does the guest's MOV to DR0-DR3 or DR7 for it: 0F 23 /n with or without a REX prefix. False: it
// is none, or would fault.
static bool quirk_write_dr(struct svm_guest *g, struct vmcb *v)
{
    const u8 *memory = phys_to_virt(g->memory_pa), *at = memory + v->rip;
    if (v->rip > SVM_GUEST_MEMORY - 4)
        return false;
    u8 rex = (*at & 0xf0) == 0x40 ? *at++ : 0;
    if (at[0] != 0x0f || at[1] != 0x23)
        return false;
    g->regs.rax = v->rax;
    g->regs.rsp = v->rsp;
    u64 value = (&g->regs.rax)[(at[2] & 7) | (rex & 1) << 3];
    u32 n = v->exit_code - EXIT_WRITE_DR0;
    if (n < HBP_NUM)
        g->dr[n] = value;
    else if (value >> 32)
        return false;
    else
        v->dr7 = value | DR7_FIXED_1;
    v->rip += at + 3 - (memory + v->rip);
    return true;
}

// ---- one entry, one exit ----

// IRQs off. Not to be watched: the host's breakpoints are off in here. GIF is clear meanwhile, so
// that not even an NMI meets the guest's debug registers.
static __protected_text void enter(struct svm_guest *g)
{
    struct vmcb *v = vmcb_of(g);
    __asm__ volatile("clgi" ::: "memory");
    if (g->owns_dr || cpu_features.is_tcg)
        dr_lend(g->owns_dr ? g->dr : NULL);
    v->rflags |= RFLAGS_IF; // see RFLAGS_START
    quirk_arm(g, v->dr7);
    svm_enter(g->vmcb_pa, &g->regs, per_cpu[cpu_id()].more_pa);
    quirk_disarm(v->dr7);
    for (int i = 0; g->owns_dr && i < HBP_NUM; i++)
        g->dr[i] = hw_read_dr(i);
    hw_breakpoint_restore();
    __asm__ volatile("stgi" ::: "memory");
}

// The first access to a debug register is made again, and this time it reaches the registers.
static bool debug_register_access(struct svm_guest *g, struct vmcb *v)
{
    if (g->owns_dr)
        return quirk_write_dr(g, v);
    g->owns_dr = true;
    v->dr_read = 0;
    v->dr_write = cpu_features.is_tcg ? QUIRK_INTERCEPTS : 0;
    return true;
}

enum svm_stop svm_guest_run(struct svm_guest *g)
{
    struct vmcb *v = vmcb_of(g);
    for (;;) {
        u64 flags = irq_save();
        switch_on();
        enter(g);
        irq_restore(flags); // what the host was called for
        g->entries++;
        switch (v->exit_code) {
        case EXIT_INTR:
        case EXIT_NMI:
            g->interrupts++;
            return SVM_INTERRUPTED;
        case EXIT_READ_DR0 ... EXIT_WRITE_DR15:
            if (!debug_register_access(g, v))
                return SVM_DIED;
            break;
        case EXIT_VMMCALL:
            v->rip += VMMCALL_BYTES;
            return SVM_CALL;
        default:
            return SVM_DIED;
        }
    }
}

void svm_guest_state(const struct svm_guest *g, struct svm_state *state)
{
    const struct vmcb *v = vmcb_of(g);
    *state = (struct svm_state){
        .rax = v->rax,
        .rdi = g->regs.rdi,
        .rip = v->rip,
        .exit_code = v->exit_code,
        .exit_info1 = v->exit_info1,
        .exit_info2 = v->exit_info2,
        .dr6 = v->dr6,
        .dr7 = v->dr7,
    };
}
