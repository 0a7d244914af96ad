// db-semantics: what #DB really does on this emulator (docs/emulators.md). A link of the chain sees
// every exception before the event does. It records the address and the cause.
#include "arch/x86/cpu.h"
#include "kernel/base/die.h"
#include "test/kernel/bp_test.h"

#define MAX_SEEN 16

static struct {
    u64 rip, dr6;
    u32 slots;
} seen[MAX_SEEN];
static u32 nr_seen;
static u32 watched_cpu; // only the #DBs of this CPU are recorded
static u64 stop_rip;    // single step ends here
static volatile u32 var __aligned(8);

static enum die_answer observe(struct die *d)
{
    struct trapframe *f = d->regs;
    struct dr_hits *hits = d->hits;
    if (d->event != DIE_DEBUG || cpu_id() != watched_cpu)
        return DIE_DONE;
    if (nr_seen < MAX_SEEN) {
        seen[nr_seen].rip = f->rip;
        seen[nr_seen].dr6 = hits->raw;
        seen[nr_seen].slots = hits->slots;
    }
    nr_seen++;
    if (f->rip == stop_rip || nr_seen == MAX_SEEN)
        f->rflags &= ~RFLAGS_TF;
    if (nr_seen > MAX_SEEN) // RF was forgotten: the test must fail, not loop for ever
        f->rflags |= RFLAGS_RF;
    if (hits->slots) // the event must count it, and set RF for an execute breakpoint
        hits->dr6 &= DR6_SLOTS;
    return hits->slots ? DIE_DONE : DIE_STOP;
}

static struct die_link observer = {.fn = observe, .priority = DIE_FIRST};

// Until end() the test stays on this CPU without interrupts. The record is empty now.
static u64 begin(void)
{
    preempt_disable();
    watched_cpu = cpu_id();
    nr_seen = 0;
    stop_rip = 0;
    die_register(&observer);
    return irq_save();
}

static void end(u64 flags)
{
    irq_restore(flags);
    die_unregister(&observer);
    preempt_enable();
}

// Single-steps over the instructions: TF is set by POPF, so the first trap comes after the first of
// them.
#define STEP_OVER(instructions)                                                                    \
    __asm__ volatile("lea 9f(%%rip), %%rax; mov %%rax, %0\n"                                       \
                     "pushfq; orq $0x100, (%%rsp); popfq\n" instructions "\n"                      \
                     "9: nop\n"                                                                    \
                     : "=m"(stop_rip)                                                              \
                     :                                                                             \
                     : "rax", "rbx", "rcx", "rdx", "memory", "cc")

static void expect_steps(u32 n)
{
    EXPECT_EQ(nr_seen, n);
    for (u32 i = 0; i < MIN(nr_seen, MAX_SEEN); i++)
        EXPECT_EQ(seen[i].dr6, DR6_ACTIVE_LOW | DR6_BS);
    EXPECT_EQ(seen[(nr_seen - 1) % MAX_SEEN].rip, stop_rip);
}

// The register number that holds the event on this CPU.
static u32 slot_of(const struct perf_event *event)
{
    for (u32 i = 0; i < HBP_NUM; i++)
        if (this_cpu()->dr.live.slot[i].owner == event)
            return i;
    return HBP_NUM;
}

KTEST(step, "db-semantics.step", NULL)
{
    u64 flags = begin();
    STEP_OVER("nop; nop; nop");
    end(flags);
    expect_steps(3);
}

KTEST(step_emulated, "db-semantics.step-cpuid-in", NULL)
{
    u64 flags = begin();
    STEP_OVER("nop; xor %%eax, %%eax; cpuid; nop; inb $0x61, %%al; nop; nop");
    end(flags);
    expect_steps(7);
}

KTEST(step_mov_ss, "db-semantics.step-mov-ss", NULL)
{
    u64 flags = begin();
    STEP_OVER("mov %%ss, %%eax; mov %%eax, %%ss; nop; nop"); // MOV SS delays the trap
    end(flags);
    expect_steps(3);
}

KTEST(step_sti, "db-semantics.step-sti", NULL)
{
    if (cpu_features.is_tcg) {
        ktest_skip("QEMU's TCG delays #DB after STI");
        return;
    }
    u64 flags = begin();
    STEP_OVER("sti; cli; nop");
    end(flags);
    expect_steps(3);
}

KTEST(icebp, "db-semantics.icebp", NULL)
{
    if (cpu_features.is_tcg) {
        ktest_skip("QEMU before 9.1 hangs at ICEBP");
        return;
    }
    u64 after, flags = begin();
    __asm__ volatile("lea 1f(%%rip), %0; .byte 0xf1; 1:" : "=r"(after)::"memory");
    end(flags);
    EXPECT_EQ(nr_seen, 1);
    EXPECT_EQ(seen[0].dr6, DR6_ACTIVE_LOW); // INT1 sets no cause
    EXPECT_EQ(seen[0].rip, after);
}

KTEST_HWBP(general_detect, "db-semantics.general-detect", NULL)
{
    ktest_skip(
        "DR7.GD: QEMU 7.2 does not emulate it, Bochs 2.7 differs after MOV SS; dr7 never uses it");
}

static void __attribute__((noinline)) callee(void)
{
    __asm__ volatile("");
}

// One hit of `event`. The raw DR6 keeps the bits that were set before: the CPU only adds to BS, BT
// and BD.
static void expect_hit(struct perf_event *event, u32 slot, u64 preset, u64 rip)
{
    EXPECT_EQ(nr_seen, 1);
    EXPECT_EQ(seen[0].dr6, preset | BIT(slot));
    EXPECT_EQ(seen[0].slots, BIT(slot));
    EXPECT_EQ(seen[0].rip, rip);
    EXPECT_EQ(bp_close(event), 1);
}

KTEST_HWBP(execute, "db-semantics.execute", NULL)
{
    struct perf_event *event = bp_open((void *)callee, HW_BREAKPOINT_X, sizeof(long));
    u64 flags = begin();
    u32 slot = slot_of(event);
    callee();
    end(flags);
    expect_hit(event, slot, DR6_ACTIVE_LOW, (u64)callee); // a fault, before the instruction
}

extern u8 step_target[];

// The step before it is a trap of its own, and comes first.
KTEST_HWBP(step_to_execute, "db-semantics.step-to-execute", NULL)
{
    struct perf_event *event = bp_open(step_target, HW_BREAKPOINT_X, sizeof(long));
    u64 flags = begin();
    u32 slot = slot_of(event);
    STEP_OVER("nop; step_target: nop");
    end(flags);
    EXPECT_EQ(nr_seen, 3);
    EXPECT(seen[0].dr6 & DR6_BS);
    EXPECT_EQ(seen[0].slots, 0);
    EXPECT_EQ(seen[0].rip, (u64)step_target);
    EXPECT_EQ(seen[1].dr6, DR6_ACTIVE_LOW | BIT(slot));
    EXPECT_EQ(seen[1].slots, BIT(slot));
    EXPECT_EQ(seen[1].rip, (u64)step_target);
    EXPECT_EQ(seen[2].dr6, DR6_ACTIVE_LOW | DR6_BS);
    EXPECT_EQ(bp_close(event), 1);
}

KTEST_HWBP(write, "db-semantics.write", NULL)
{
    const u64 preset[] = {DR6_ACTIVE_LOW, DR6_ACTIVE_LOW | DR6_BS};
    for (u32 i = 0; i < ARRAY_SIZE(preset); i++) {
        struct perf_event *event = bp_open(&var, HW_BREAKPOINT_W, 4);
        u64 after, flags = begin();
        u32 slot = slot_of(event);
        write_dr6(preset[i]);
        __asm__ volatile("lea 1f(%%rip), %0; movl $1, %1; 1:" : "=&r"(after), "=m"(var)::"memory");
        end(flags);
        expect_hit(event, slot, preset[i], after); // a trap, after the instruction
    }
}

KTEST_HWBP(step_and_hit, "db-semantics.step-and-hit", NULL)
{
    struct perf_event *event = bp_open(&var, HW_BREAKPOINT_W, 4);
    u64 flags = begin();
    u32 slot = slot_of(event);
    STEP_OVER("movl $2, var(%%rip)");
    end(flags);
    EXPECT_EQ(nr_seen, 1);
    EXPECT_EQ(seen[0].dr6, DR6_ACTIVE_LOW | DR6_BS | BIT(slot));
    EXPECT_EQ(bp_close(event), 1);
}

// A locked instruction reads and writes, but traps once.
static u64 count_locked(u32 type)
{
    struct perf_event *event = bp_open(&var, type, 4);
    u32 expected = 5;
    __atomic_fetch_add(&var, 1, __ATOMIC_SEQ_CST);
    __atomic_exchange_n(&var, 5, __ATOMIC_SEQ_CST);
    __atomic_compare_exchange_n(&var, &expected, 9, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return bp_close(event);
}

KTEST_HWBP(locked, "db-semantics.locked", NULL)
{
    EXPECT_EQ(count_locked(HW_BREAKPOINT_W), 3);
}

KTEST_HWBP(locked_rw, "db-semantics.locked-read-write", NULL)
{
    if (cpu_features.is_tcg && nr_cpus > 1) {
        ktest_skip("QEMU with several CPUs misses locked instructions on a page with a read watch");
        return;
    }
    EXPECT_EQ(count_locked(HW_BREAKPOINT_RW), 3);
}

KTEST_HWBP(strings, "db-semantics.rep", NULL)
{
    static u64 buffer[8] __aligned(64);
    struct perf_event *event = bp_open(&buffer[3], HW_BREAKPOINT_W, 8);
    u64 *to = buffer, n = 8;
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(n) : "a"(1ull) : "memory");
    EXPECT_EQ(n, 0);
    EXPECT_EQ(buffer[7], 1);
    EXPECT_EQ(bp_close(event), 1);
}

KTEST_HWBP(middle, "db-semantics.mid-instruction", NULL)
{
    // A breakpoint matches the first byte of an instruction only.
    struct perf_event *event = bp_open((char *)callee + 1, HW_BREAKPOINT_X, sizeof(long));
    u8 first = *(volatile u8 *)callee;
    callee();
    u64 hits = bp_close(event);
    if (first == 0x55 || first == 0xc3) // push %rbp or ret: one byte long, so +1 is a boundary
        ktest_note("callee begins with a one-byte instruction");
    EXPECT_EQ(hits, first == 0x55 ? 1 : 0);
}

KTEST_HWBP(disabled_match, "db-semantics.disabled-match", NULL)
{
    struct perf_event *first = bp_open(&var, HW_BREAKPOINT_W, 4);
    struct perf_event *second = bp_open(&var, HW_BREAKPOINT_W, 4);
    perf_event_disable(second); // its register is off, but keeps the address
    u64 spurious = this_cpu()->dr.stats.spurious;
    for (int i = 0; i < 10; i++)
        var = i;
    EXPECT_EQ(bp_close(second), 0);
    EXPECT_EQ(bp_close(first), 10);
    EXPECT_EQ(this_cpu()->dr.stats.spurious, spurious);
}

// The R/W bits of a register that is off are 0, which means an execute breakpoint.
KTEST_HWBP(disabled_execute, "db-semantics.disabled-execute", NULL)
{
    struct perf_event *first = bp_open((void *)callee, HW_BREAKPOINT_X, sizeof(long));
    struct perf_event *second = bp_open((void *)callee, HW_BREAKPOINT_X, sizeof(long));
    perf_event_disable(second);
    for (int i = 0; i < 10; i++)
        callee();
    EXPECT_EQ(bp_close(second), 0);
    EXPECT_EQ(bp_close(first), 10);
}
