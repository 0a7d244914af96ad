// One CPU: its registers, its private data, its interrupt flag.
//
// While the kernel runs, GS points at the `struct cpu` of the running CPU. A value that was read
// from it stays true only as long as preemption or interrupts are off.
#pragma once

#include "arch/x86/layout.h"
#include "arch/x86/debugreg.h"
#include "arch/x86/holdup.h"

struct perf_cpu;
struct runqueue;
struct task;
struct trapframe;

// Task-state segment (SDM vol. 3, 8.7): only the stacks matter in long mode.
struct tss {
    u32 reserved0;
    u64 rsp[3];
    u64 reserved1;
    u64 ist[7]; // ist[0] is IST1
    u64 reserved2;
    u16 reserved3;
    u16 iomap_base;
} __packed;

enum { IST_DF = 1, IST_NMI = 2, IST_DB = 3 };

// What a CPU has to do soon. It is one word, so the way out of a system call needs one test.
enum {
    DUE_SWITCH = 1, // a switch, as soon as preempt_count is 0
    DUE_RETURN = 2, // before ring 3, user_return() may have something to do
    DUE_KICKS = 4,  // smp_send_kicks(), as soon as preempt_count is 0
};

// The first three fields have fixed offsets, used by entry.asm too.
struct cpu {
    struct cpu *self;      // +0   gs:0
    u64 user_rsp;          // +8   scratch of the SYSCALL entry
    u64 kernel_rsp;        // +16  top of the running task's kernel stack (also tss.rsp[0])
    struct task *current;  // the running task, set by the switch
    struct runqueue *rq;   // sched's part of this CPU
    struct perf_cpu *perf; // perf's
    u32 preempt_count;     // > 0: this CPU must not switch tasks
    u32 due;               // DUE_*; atomic
    u32 id;                // 0 .. nr_cpus - 1, dense
    u32 apic_id;
    u32 irq_depth; // how many interrupts are being handled here, one inside the other
    u32 online;
    u64 active_cr3;              // physical address of the loaded top-level page table
    struct dr_file dr;           // wanted and live debug registers (arch/x86/debugreg.h)
    struct trapframe *irq_frame; // frame of the interrupt being handled, for the tick
    struct trapframe *stopped;   // where the NMI of a panic has halted it
    u64 call_pending;            // list of cross-CPU calls (arch/x86/smp.c)
    u64 kicks;                   // the CPUs that DUE_KICKS is about, a bit each; atomic
    struct tss tss;
    u64 gdt[7];
    u64 lapic_ticks; // interrupts of the local timer taken so far
    u64 nr_irqs;     // interrupts of all kinds taken so far
} __aligned(64);

extern struct cpu cpus[MAX_CPUS];
extern u32 nr_cpus; // CPUs found and started; fixed after smp_start_all()

// Reads a field by one instruction. No switch to another CPU can come in between.
#define THIS_CPU ((const struct cpu __seg_gs *)0)

static inline struct cpu *this_cpu(void)
{
    return THIS_CPU->self;
}

static inline u32 cpu_id(void)
{
    return THIS_CPU->id;
}

// Whether a CPU answers calls and takes part in shootdowns (arch/x86/smp.h).
static inline bool cpu_reachable(u32 cpu)
{
    return __atomic_load_n(&cpus[cpu].online, __ATOMIC_ACQUIRE);
}

// The running task. The answer stays true even if the task moves to another CPU meanwhile.
static inline struct task *current_task(void)
{
    return THIS_CPU->current;
}

// The preemption count of this CPU. One instruction each, so an interrupt cannot divide them.
static inline u32 preempt_count(void)
{
    return THIS_CPU->preempt_count;
}

static inline void preempt_count_inc(void)
{
    __asm__ volatile("incl %%gs:%c0" ::"i"(offsetof(struct cpu, preempt_count)) : "memory");
    if (DEBUG_BUILD && preempt_count() == 1)
        stretch_begins(HOLDUP_PREEMPT);
}

static inline void preempt_count_dec(void)
{
    if (DEBUG_BUILD && preempt_count() == 1)
        stretch_ends(HOLDUP_PREEMPT);
    __asm__ volatile("decl %%gs:%c0" ::"i"(offsetof(struct cpu, preempt_count)) : "memory");
}

static inline bool need_resched(void)
{
    return THIS_CPU->due & DUE_SWITCH;
}

static inline bool kicks_due(void)
{
    return unlikely(THIS_CPU->due & DUE_KICKS);
}

// Of this CPU; each is one instruction, and a full barrier.
static inline void cpu_set_due(u32 what)
{
    __asm__ volatile("lock orl %1, %%gs:%c0" ::"i"(offsetof(struct cpu, due)), "ri"(what)
                     : "memory", "cc");
}

static inline void cpu_clear_due(u32 what)
{
    __asm__ volatile("lock andl %1, %%gs:%c0" ::"i"(offsetof(struct cpu, due)), "ri"(~what)
                     : "memory", "cc");
}

#define RFLAGS_TF BIT(8)
#define RFLAGS_IF BIT(9)
#define RFLAGS_RF BIT(16)

static inline u64 read_flags(void)
{
    u64 f;
    __asm__ volatile("pushfq; popq %0" : "=r"(f)::"memory");
    return f;
}

static inline void irq_enable(void)
{
    stretch_ends(HOLDUP_IRQS);
    __asm__ volatile("sti" ::: "memory");
}

static inline void irq_disable(void)
{
    __asm__ volatile("cli" ::: "memory");
    stretch_begins(HOLDUP_IRQS);
}

static inline bool irqs_enabled(void)
{
    return read_flags() & RFLAGS_IF;
}

static inline u64 irq_save(void)
{
    u64 f = read_flags();
    irq_disable();
    return f;
}

static inline void irq_restore(u64 flags)
{
    if (flags & RFLAGS_IF)
        irq_enable();
}

static inline void cpu_pause(void)
{
    __asm__ volatile("pause" ::: "memory");
}

static inline void cpu_halt(void)
{
    __asm__ volatile("hlt" ::: "memory");
}

// #BP, as if a debugger had put INT3 here.
static inline void debug_break(void)
{
    __asm__ volatile("int3" ::: "memory");
}

// Enables interrupts and halts. No interrupt is lost in between: after STI the CPU takes none
// before the end of the next instruction (SDM vol. 2, STI).
static inline void cpu_idle_halt(void)
{
    stretch_ends(HOLDUP_IRQS);
    __asm__ volatile("sti; hlt" ::: "memory");
}

// Accessors for CR0, CR2, CR3, CR4, DR0-DR3, DR6, DR7, generated from one pattern.
#define DEFINE_REG(name)                                                                           \
    static inline u64 read_##name(void)                                                            \
    {                                                                                              \
        u64 v;                                                                                     \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(v)::"memory");                               \
        return v;                                                                                  \
    }                                                                                              \
    static inline void write_##name(u64 v)                                                         \
    {                                                                                              \
        __asm__ volatile("mov %0, %%" #name ::"r"(v) : "memory");                                  \
    }
DEFINE_REG(cr0)
DEFINE_REG(cr2)
DEFINE_REG(cr3)
DEFINE_REG(cr4)
DEFINE_REG(dr0)
DEFINE_REG(dr1)
DEFINE_REG(dr2)
DEFINE_REG(dr3)
DEFINE_REG(dr6)
DEFINE_REG(dr7)
#undef DEFINE_REG

#define CR0_MP   BIT(1)
#define CR0_EM   BIT(2)
#define CR0_TS   BIT(3)
#define CR0_NE   BIT(5)
#define CR0_WP   BIT(16)
#define CR0_AM   BIT(18)
#define CR4_DE   BIT(3)
#define CR4_PGE  BIT(7)
#define EFER_NXE BIT(11)

#define MSR_EFER           0xc0000080
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102

static inline u64 rdmsr(u32 msr)
{
    u32 lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (u64)hi << 32 | lo;
}

static inline void wrmsr(u32 msr, u64 v)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

static inline void cpuid(u32 leaf, u32 sub, u32 out[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                     : "a"(leaf), "c"(sub));
}

// LFENCE keeps RDTSC after the loads before it (SDM vol. 2, RDTSC). Without it a CPU that has seen
// what another CPU did could read an earlier time than the other one had read.
static inline u64 rdtsc(void)
{
    u32 lo, hi;
    __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
    return (u64)hi << 32 | lo;
}

static inline void outb(u16 port, u8 v)
{
    __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}

static inline void outw(u16 port, u16 v)
{
    __asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port));
}

static inline u8 inb(u16 port)
{
    u8 v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

// What this machine has, found once at boot on the boot CPU (CPUID; SDM vol. 2, CPUID).
struct cpu_features {
    bool pge, smap, smep, umip; // the last three by cpu_init_user()
    bool is_tcg;                // QEMU's own translator: hypervisor signature "TCGTCGTCGTCG"
};
extern struct cpu_features cpu_features;

// Reads CPUID. Boot CPU only, before anything else asks cpu_features.
void cpu_detect(void);

// Sets up GDT, TSS, IDT, control registers, system-call MSRs and GS base of CPU `id`. Runs once on
// each CPU, IRQs off. The IST stacks come from cpu_give_stacks(); the boot CPU starts with stacks
// in static memory. #DB has an IST stack, except on QEMU's TCG: a nested #DB would overwrite the
// frame of the outer one there (arch/x86/trap.c).
void cpu_init(u32 id, u32 apic_id);
// Allocates the stacks for the exceptions of CPU `id` that need one of their own. False when memory
// is out. Boot CPU.
bool cpu_give_stacks(u32 id);

// Point tss.rsp[0] and the SYSCALL entry at this kernel stack. IRQs off; called by the switch.
static inline void cpu_set_kernel_stack(u64 top)
{
    struct cpu *c = this_cpu();
    c->kernel_rsp = top;
    c->tss.rsp[0] = top;
}
