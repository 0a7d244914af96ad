// The IDT, and what becomes of each exception and interrupt. Ring 3 has more to it: see
// arch/x86/user/trap_user.c.
#include "arch/x86/trap.h"
#include "arch/x86/cpu.h"
#include "arch/x86/exit.h"
#include "arch/x86/extable.h"
#include "arch/x86/platform.h"
#include "arch/x86/smp.h"
#include "arch/x86/upcalls.h"

#define NR_VECTORS     256
#define STUB_SIZE      16   // of entry.asm
#define GATE_INTERRUPT 0x8e // present, 64-bit interrupt gate, DPL 0 (SDM vol. 3, 6.14.1)
#define GATE_DPL3      0x60

struct gate {
    u16 offset_low, selector;
    u8 ist, type;
    u16 offset_mid;
    u32 offset_high, reserved;
};

extern u8 trap_stubs[]; // entry.asm
extern const struct extable_entry __extable_start[], __extable_end[];

static struct gate idt[NR_VECTORS] __protected_bss __aligned(16);
static u32 nmi_spares __protected_bss; // CPU + 1: an NMI halts the others

static const char *const names[IRQ_BASE] = {
    [TRAP_DE] = "#DE", [TRAP_DB] = "#DB", [TRAP_NMI] = "NMI", [TRAP_BP] = "#BP", [TRAP_OF] = "#OF",
    [TRAP_BR] = "#BR", [TRAP_UD] = "#UD", [TRAP_NM] = "#NM",  [TRAP_DF] = "#DF", [TRAP_TS] = "#TS",
    [TRAP_NP] = "#NP", [TRAP_SS] = "#SS", [TRAP_GP] = "#GP",  [TRAP_PF] = "#PF", [TRAP_MF] = "#MF",
    [TRAP_AC] = "#AC", [TRAP_MC] = "#MC", [TRAP_XM] = "#XM",  [TRAP_CP] = "#CP",
};

const char *trap_name(u64 vector)
{
    if (vector == VECTOR_SYSCALL)
        return "SYSCALL";
    if (vector >= IRQ_BASE)
        return "IRQ";
    return names[vector] ? names[vector] : "reserved exception";
}

static inline __attribute__((always_inline)) u64 stub_address(u32 vector)
{
    return (u64)trap_stubs + vector * STUB_SIZE;
}

// #DB needs a stack of its own: MOV SS delays a data hit by one instruction, and if that is
// SYSCALL, the #DB comes in ring 0 on the user's stack. TCG does not delay it, so there the stack
// is not needed. It would even do harm: TCG can raise a second #DB at the first instruction of the
// handler (entry.asm), and the second frame would overwrite the first.
static u8 ist_of(u32 vector)
{
    switch (vector) {
    case TRAP_DF:
        return IST_DF;
    case TRAP_NMI:
        return IST_NMI;
    case TRAP_DB:
        return cpu_features.is_tcg ? 0 : IST_DB;
    default:
        return 0;
    }
}

void trap_init(void)
{
    for (u32 v = 0; v < NR_VECTORS; v++) {
        u64 stub = stub_address(v);
        bool for_user = v == TRAP_BP || v == TRAP_OF; // INT3 and INTO are open to programs
        idt[v] = (struct gate){
            .offset_low = (u16)stub,
            .offset_mid = (u16)(stub >> 16),
            .offset_high = (u32)(stub >> 32),
            .selector = KERNEL_CS,
            .ist = ist_of(v),
            .type = GATE_INTERRUPT | (for_user ? GATE_DPL3 : 0),
        };
    }
}

void trap_load_idt(void)
{
    struct {
        u16 limit;
        u64 base;
    } __packed idtr = {sizeof(idt) - 1, (u64)idt};
    __asm__ volatile("lidt %0" ::"m"(idtr));
}

void trap_stop_on_nmi(void)
{
    __atomic_store_n(&nmi_spares, cpu_id() + 1, __ATOMIC_SEQ_CST);
}

// A gate does not clear AC. The program or an interrupted user copy may have set it, and SMAP is
// off while it is set.
static inline __attribute__((always_inline)) void close_user_access(void)
{
    if (likely(cpu_features.smap))
        __asm__ volatile("clac" ::: "memory", "cc");
}

static __protected_text const struct extable_entry *find_fixup(u64 rip)
{
    for (const struct extable_entry *e = __extable_start; e < __extable_end; e++)
        if (e->insn == rip)
            return e;
    return NULL;
}

__protected_text bool trap_fixup(struct trapframe *f)
{
    const struct extable_entry *e = find_fixup(f->rip);
    if (e)
        f->rip = e->fixup;
    return e;
}

// ---- exceptions ----

// Only a user copy in a context that may sleep can have its page brought in.
static __protected_text bool kernel_page_fault(struct trapframe *f, u64 addr)
{
    bool may_sleep = (f->rflags & RFLAGS_IF) && !preempt_count() && !this_cpu()->irq_depth;
    if (may_sleep && addr < TASK_SIZE_MAX && find_fixup(f->rip)) {
        irq_enable();
        bool again = user_page_fault(f, addr);
        irq_disable();
        if (again)
            return true;
    }
    return trap_fixup(f);
}

__protected_text bool exception_taken(struct trapframe *f)
{
    struct die d = {f->vector == TRAP_BP ? DIE_INT3 : DIE_TRAP, f, NULL, NULL};
    return die_notify(&d) == DIE_STOP;
}

static __protected_text void exception(struct trapframe *f)
{
    u64 cr2 = read_cr2(); // before anything else can fault
    if (f->vector == TRAP_DF || f->vector == TRAP_MC)
        panic_trap(f, cr2);
    if (from_user(f)) {
        trap_from_user(f, cr2);
        return;
    }
    bool handled =
        f->vector == TRAP_PF ? kernel_page_fault(f, cr2) : f->vector == TRAP_GP && trap_fixup(f);
    if (!handled && !exception_taken(f))
        panic_trap(f, cr2);
}

// A #DB from inside the handler of another #DB. DR7 is off there, so only a debugger's single step
// can cause it (trap_step_in_db).
static __protected_text void nested_step(struct trapframe *f)
{
    struct dr_hits hits = {.raw = read_dr6()};
    write_dr6(DR6_ACTIVE_LOW);
    hits.dr6 = hits.raw & DR6_BS;
    struct die d = {DIE_DEBUG, f, &hits, NULL};
    if (!hits.dr6 || die_notify(&d) != DIE_STOP)
        panic("#DB inside #DB");
}

void trap_step_in_db(bool on)
{
    idt[TRAP_DB].ist = on ? 0 : ist_of(TRAP_DB);
}

// Picture: docs/pictures/db.txt
//   an access to a watched byte
//         |
//         v
//   +-----------+    +--------------+    +---------------+    +-------------+    +-----------+
//   | db_entry  | -> | dr_db_enter  | -> | take_hits     | -> | perf_event_ | -> | count + 1 |
//   | entry.asm |    | read DR6     |    | bit n of DR6: |    | count       |    | callback, |
//   |           |    | DR7 off      |    | owner of DRn  |    | user or     |    | sample or |
//   | a frame   |    | DR6 cleared  |    | X: set RF     |    | kernel?     |    | signal    |
//   +-----------+    +--------------+    +---------------+    +-------------+    +-----------+
//                                                                                      |
//   +-----------+    +--------------+                                                  |
//   | IRETQ     | <- | dr_db_exit   | <------------------------------------------------+
//   |           |    | DR7 anew     |
//   +-----------+    +--------------+
//
//   While DR7 is off no breakpoint fires: what the handler itself touches hits nothing.
//
// From entry.asm, IRQs off. Everything up to dr_db_enter() and after dr_db_exit() that may run in
// ring 0 on the #DB stack is protected text.
__protected_text void trap_debug(struct trapframe *f)
{
    // A second #DB of TCG (entry.asm). A program can step to this address, too, but not in ring 0.
    if (f->rip == stub_address(TRAP_DB) && !from_user(f)) {
        this_cpu()->dr.nested_dr6 |= read_dr6() & ~DR6_ACTIVE_LOW;
        write_dr6(DR6_ACTIVE_LOW);
        return;
    }
    close_user_access();
    if (this_cpu()->dr.in_db) {
        nested_step(f);
        return;
    }

    struct dr_hits hits;
    dr_db_enter(&hits);
    stretch_begins(HOLDUP_IRQS);
    struct die d = {DIE_DEBUG, f, &hits, NULL};
    u64 left = die_notify(&d) == DIE_STOP ? 0 : hits.dr6;
    if (f->rflags & RFLAGS_IF)
        stretch_ends(HOLDUP_IRQS);
    dr_db_exit();

    if (!from_user(f))
        return;
    if (unlikely(left || !(hits.raw & DR6_CAUSES))) // ICEBP sets no bit
        trap_debug_from_user(f, left);
    trap_exit_to_user(f);
}

// From entry.asm, on the NMI stack. No breakpoint may fire in here: the IRETQ of a #DB ends the
// blocking of NMIs, and the next NMI would overwrite this frame (SDM vol. 3, 6.7.1).
__protected_text void trap_nmi(struct trapframe *f)
{
    u64 dr7 = dr_pause();
    close_user_access();
    u32 spared = __atomic_load_n(&nmi_spares, __ATOMIC_SEQ_CST);
    if (spared && spared != cpu_id() + 1) {
        __atomic_store_n(&this_cpu()->stopped, f, __ATOMIC_RELEASE);
        for (;;)
            cpu_halt();
    }
    struct die d = {DIE_NMI, f, NULL, &dr7};
    if (!spared && die_notify(&d) != DIE_STOP)
        printk("trap: NMI without a known cause at %pS\n", (void *)f->rip);
    dr_unpause(dr7);
}

// ---- interrupts ----

// The EOI comes first. A byte that reaches a serial port after it raises a new edge, so none is
// missed.
static void interrupt(struct trapframe *f)
{
    if (f->vector != IRQ_SPURIOUS) // wants none (SDM vol. 3, 11.9)
        lapic_eoi();
    switch (f->vector) {
    case IRQ_TIMER:
        this_cpu()->lapic_ticks++;
        if (timer_is_tick())
            sched_tick(f);
        else
            device_irq(f); // of whoever asked for it
        break;
    case IPI_RESCHEDULE:
        cpu_set_due(DUE_SWITCH | DUE_RETURN); // sched_kick() or signal_kick()
        break;
    case IPI_CALL:
        smp_serve_calls();
        break;
    case IRQ_SPURIOUS:
        break;
    default:
        if (!device_irq(f))
            printk("trap: unexpected interrupt, vector %lu\n", f->vector);
        break;
    }
}

__protected_text void trap_dispatch(struct trapframe *f)
{
    close_user_access();
    stretch_begins(HOLDUP_IRQS);
    if (f->vector < IRQ_BASE) {
        exception(f);
    } else {
        struct cpu *c = this_cpu();
        struct trapframe *outer = c->irq_frame;
        c->irq_frame = f;
        c->irq_depth++;
        c->nr_irqs++;
        interrupt(f);
        c->irq_depth--;
        c->irq_frame = outer;
        if (!from_user(f))
            sched_irq_exit();
    }
    if (from_user(f))
        trap_exit_to_user(f);
    else if (f->rflags & RFLAGS_IF)
        stretch_ends(HOLDUP_IRQS);
}
