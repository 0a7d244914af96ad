// Starting the other CPUs and calling functions on them.
//
// A call is a node in a list of its target CPU. The caller pushes it by compare-and-exchange; the
// target takes the whole list by exchange. There is no lock, so calls can be made and served in any
// context. The nodes lie on the caller's stack. A target's last access to a node is to count down,
// and the caller waits until all targets have done so.

#include "arch/x86/smp.h"
#include "arch/x86/apic_regs.h"
#include "arch/x86/cpu.h"
#include "arch/x86/paging.h"
#include "arch/x86/platform.h"
#include "arch/x86/rep.h"
#include "arch/x86/trap.h"
#include "arch/x86/upcalls.h"

#define INIT_DELAY_US  10000
#define SIPI_DELAY_US  200
#define START_LIMIT_US 1000000
#define POLL_US        20

// What boot/trampoline.asm reads; the order is its contract.
struct ap_boot {
    u64 stack; // 0: nobody is expected. The starting CPU takes it by exchange
    u64 cr3;
    u32 apic_id;
    u32 id;
} ap_boot;

extern const u8 trampoline_start[], trampoline_end[];

struct call {
    void (*fn)(void *);
    void *arg;
    u32 left; // targets that have not finished, and HALTED times (CPU + 1) that waits for them
};

#define HALTED 0x10000u

// Before the caller halts. Measured with 4 threads of one process on 2 to 8 CPUs: with 100 the
// halts cost more than they save on 2 CPUs, and more than 2,000 saves nothing.
#define SPIN_ROUNDS 2000

struct call_node {
    struct call_node *next;
    struct call *call;
};

// 0 stands for any.
static bool has_loaded(u32 cpu, u64 root)
{
    return !root || __atomic_load_n(&cpus[cpu].active_cr3, __ATOMIC_RELAXED) == root;
}

// ---- calls ----

// IRQs off.
static void call_post(u32 cpu, struct call_node *n, struct call *call)
{
    u64 old = __atomic_load_n(&cpus[cpu].call_pending, __ATOMIC_RELAXED);
    n->call = call;
    __atomic_fetch_add(&call->left, 1, __ATOMIC_RELAXED);
    do
        n->next = (struct call_node *)old;
    while (!__atomic_compare_exchange_n(&cpus[cpu].call_pending, &old, (u64)n, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    if (!old) // otherwise the interrupt of the node below is still to come
        lapic_send(cpus[cpu].apic_id, IPI_CALL);
}

// Halts until an interrupt, if targets are left: the last of them sends one to the CPU it finds
// noted. The task may go to another CPU whenever IRQs are on, and notes that one the next time.
static void call_halt(struct call *call, u32 *noted)
{
    irq_disable();
    u32 here = (cpu_id() + 1) * HALTED;
    u32 now = __atomic_add_fetch(&call->left, here - *noted, __ATOMIC_SEQ_CST);
    *noted = here;
    if (now % HALTED)
        cpu_idle_halt();
    irq_enable();
}

// The host may not run the awaited CPU just now. Then a CPU that waits only keeps it from running:
// so not for long.
static void call_wait(struct call *call)
{
    u32 noted = 0;
    for (u32 round = 0; __atomic_load_n(&call->left, __ATOMIC_ACQUIRE) % HALTED; round++) {
        if (!irqs_enabled())
            smp_serve_calls();
        else if (round > SPIN_ROUNDS)
            call_halt(call, &noted);
        cpu_pause();
    }
}

// The last that this CPU does with a call.
static void call_done(struct call *call)
{
    u32 old = __atomic_fetch_sub(&call->left, 1, __ATOMIC_SEQ_CST);
    if (old % HALTED == 1 && old >= HALTED)
        lapic_send(cpus[old / HALTED - 1].apic_id, IPI_CALL);
}

void smp_serve_calls(void)
{
    u64 list = __atomic_exchange_n(&this_cpu()->call_pending, 0, __ATOMIC_SEQ_CST);
    struct call_node *n = (struct call_node *)list;
    while (n) {
        struct call_node *next = n->next;
        struct call *call = n->call;
        call->fn(call->arg);
        call_done(call);
        n = next;
    }
}

bool smp_call(u32 cpu, void (*fn)(void *), void *arg)
{
    struct call call = {.fn = fn, .arg = arg};
    struct call_node node;
    u64 flags = irq_save();
    if (cpu >= nr_cpus)
        panic("smp: call to CPU %u, which does not exist", cpu);
    bool here = cpu == cpu_id(), reached = here || cpu_reachable(cpu);
    if (here)
        fn(arg);
    else if (reached)
        call_post(cpu, &node, &call);
    irq_restore(flags);
    call_wait(&call);
    return reached;
}

void smp_call_users(u64 root, void (*fn)(void *), void *arg)
{
    struct call call = {.fn = fn, .arg = arg};
    struct call_node nodes[MAX_CPUS];
    u64 flags = irq_save();
    // A CPU that is found offline here sees in smp_join() all that was changed before the call.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    u32 self = cpu_id(), sent = 0;
    for (u32 i = 0; i < nr_cpus; i++) {
        if (i != self && cpu_reachable(i) && has_loaded(i, root)) {
            call_post(i, &nodes[i], &call);
            sent++;
        }
    }
    if (sent)
        holdup_count(HOLDUP_IPI, sent);
    if (has_loaded(self, root))
        fn(arg);
    irq_restore(flags);
    call_wait(&call);
}

static void pass(void *)
{
}

void smp_wait_for_all(void)
{
    smp_call_all(pass, NULL);
}

void smp_join(void)
{
    __atomic_store_n(&this_cpu()->online, 1, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    tlb_flush_all();
}

void smp_reschedule(u32 cpu)
{
    holdup_count(HOLDUP_IPI, 1);
    if (!preempt_count()) {
        lapic_send(cpus[cpu].apic_id, IPI_RESCHEDULE);
        return;
    }
    __atomic_fetch_or(&this_cpu()->kicks, BIT(cpu), __ATOMIC_RELAXED);
    cpu_set_due(DUE_KICKS);
}

void smp_send_kicks(void)
{
    cpu_clear_due(DUE_KICKS);
    u64 kicks = __atomic_exchange_n(&this_cpu()->kicks, 0, __ATOMIC_RELAXED);
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        if (kicks & BIT(cpu))
            lapic_send(cpus[cpu].apic_id, IPI_RESCHEDULE);
}

void smp_stop_others(void)
{
    for (u32 i = 0; i < nr_cpus; i++) {
        if (i != cpu_id() && cpu_reachable(i))
            lapic_send_nmi(cpus[i].apic_id);
    }
}

// ---- starting ----

// First C of a starting CPU, on its own stack, IRQs off; called by the trampoline.
__noreturn void ap_main(void)
{
    cpu_init(ap_boot.id, ap_boot.apic_id);
    paging_load_kernel();
    lapic_enable();
    sched_ap_main();
}

static bool wait_online(u32 id)
{
    for (u32 us = 0; us < START_LIMIT_US && !cpu_reachable(id); us += POLL_US)
        clock_delay_us(POLL_US);
    return cpu_reachable(id);
}

// Starts one CPU that has had its INIT. It gets the next free id, which is taken back if it does
// not come.
static void start_cpu(u32 apic_id)
{
    u32 id = nr_cpus;
    u64 stack = cpu_give_stacks(id) ? kstack_alloc() : 0;
    if (!stack) {
        printk("smp: no memory for stacks: CPU with APIC id %u is left out\n", apic_id);
        return;
    }
    nr_cpus = id + 1; // calls to all CPUs include it as soon as it says it is online
    ap_boot.cr3 = read_cr3();
    ap_boot.apic_id = apic_id;
    ap_boot.id = id;
    __atomic_store_n(&ap_boot.stack, stack, __ATOMIC_RELEASE);

    lapic_send(apic_id, ICR_STARTUP | TRAMPOLINE_PA >> PAGE_SHIFT);
    clock_delay_us(SIPI_DELAY_US);
    if (__atomic_load_n(&ap_boot.stack, __ATOMIC_ACQUIRE)) // not taken yet
        lapic_send(apic_id, ICR_STARTUP | TRAMPOLINE_PA >> PAGE_SHIFT);
    if (wait_online(id))
        return;
    if (!__atomic_exchange_n(&ap_boot.stack, 0, __ATOMIC_ACQ_REL)) {
        if (wait_online(id)) // it had only just begun
            return;
        panic("smp: CPU with APIC id %u started and got stuck", apic_id);
    }
    nr_cpus = id;
    kstack_free(stack);
    printk("smp: CPU with APIC id %u does not start and is left out\n", apic_id);
}

void smp_start_all(u32 limit)
{
    u32 count = MIN(limit, acpi_cpus.count);
    rep_copy(phys_to_virt(TRAMPOLINE_PA), trampoline_start, trampoline_end - trampoline_start);
    cpus[0].apic_id = acpi_cpus.apic_id[0];
    if (!cpu_give_stacks(0))
        panic("smp: no memory for the boot CPU's stacks");
    for (u32 i = 1; i < count; i++)
        lapic_send(acpi_cpus.apic_id[i], ICR_INIT);
    if (count > 1)
        clock_delay_us(INIT_DELAY_US);
    for (u32 i = 1; i < count; i++)
        start_cpu(acpi_cpus.apic_id[i]);
}
