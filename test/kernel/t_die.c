// The chain of exception handlers: its order, its answers, and what each link gets.
#include "kernel/base/die.h"
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "test/kernel/bp_test.h"

#define UD2_LENGTH 2
#define MAX_CALLS  8

static char calls[MAX_CALLS + 1]; // one letter for each link that was asked
static enum die_event event;      // only exceptions of this kind are recorded
static u32 tested_cpu;
static char stopper; // the link that answers DIE_STOP
static u64 dr6_seen[2];
static volatile u64 watched __aligned(8);

static enum die_answer note(char link, struct die *d)
{
    size_t n = strlen(calls);
    if (d->event != event || cpu_id() != tested_cpu)
        return DIE_DONE;
    if (n < MAX_CALLS)
        calls[n] = link;
    return link == stopper ? DIE_STOP : DIE_DONE;
}

static enum die_answer fn_a(struct die *d)
{
    return note('a', d);
}

static enum die_answer fn_b(struct die *d)
{
    return note('b', d);
}

static enum die_answer fn_c(struct die *d)
{
    return note('c', d);
}

static enum die_answer fn_last(struct die *d)
{
    return note('z', d);
}

static void begin(enum die_event what, char stop)
{
    preempt_disable();
    tested_cpu = cpu_id();
    memset(calls, 0, sizeof(calls));
    event = what;
    stopper = stop;
}

KTEST(die_order, "die-chain.order", NULL)
{
    static struct die_link a = {fn_a, DIE_FIRST, NULL}, b = {fn_b, DIE_STEP, NULL},
                           c = {fn_c, DIE_STEP, NULL}, last = {fn_last, DIE_STEP - 1, NULL};
    begin(DIE_INT3, 'z');
    die_register(&last);
    die_register(&b);
    die_register(&a);
    die_register(&c);
    debug_break();
    EXPECT_EQ(strcmp(calls, "abcz"), 0); // by priority; equal ones in the order of registration
    memset(calls, 0, sizeof(calls));
    stopper = 'b';
    debug_break();
    EXPECT_EQ(strcmp(calls, "ab"), 0); // no link after the one that stops is asked
    die_unregister(&b);
    die_unregister(&a);
    memset(calls, 0, sizeof(calls));
    stopper = 'z';
    debug_break();
    EXPECT_EQ(strcmp(calls, "cz"), 0);
    die_unregister(&last);
    die_unregister(&c);
    preempt_enable();
}

static volatile u64 in_nmi;

static enum die_answer skip_ud2(struct die *d)
{
    if (d->event == DIE_NMI)
        in_nmi++;
    enum die_answer answer = note('u', d);
    if (answer == DIE_STOP && d->regs->vector == TRAP_UD)
        d->regs->rip += UD2_LENGTH;
    return answer;
}

KTEST(die_trap, "die-chain.other-exceptions", NULL)
{
    static struct die_link link = {skip_ud2, DIE_KGDB, NULL};
    struct perf_event *bp = HWBP ? bp_open(&in_nmi, HW_BREAKPOINT_W, 8) : NULL;
    begin(DIE_TRAP, 'u');
    die_register(&link);
    __asm__ volatile("ud2");
    EXPECT_EQ(strcmp(calls, "u"), 0);
    memset(calls, 0, sizeof(calls));
    event = DIE_NMI;
    lapic_send_nmi(this_cpu()->apic_id);
    for (int i = 0; i < 1000 && !__atomic_load_n(&calls[0], __ATOMIC_ACQUIRE); i++)
        clock_delay_us(1000);
    EXPECT_EQ(calls[0], 'u'); // once or more, because the watchdog's beats are NMIs, too
    die_unregister(&link);
    preempt_enable();
    if (bp)
        EXPECT_EQ(bp_close(bp), 0); // no breakpoint fires in an NMI's handler
}

// One link looks at DR6 before the breakpoints' link, and one after it. Each cause must reach the
// right link.
static enum die_answer see_all(struct die *d)
{
    if (d->event == DIE_DEBUG && cpu_id() == tested_cpu)
        dr6_seen[0] |= d->hits->dr6;
    return DIE_DONE;
}

static enum die_answer see_rest(struct die *d)
{
    if (d->event != DIE_DEBUG || cpu_id() != tested_cpu)
        return DIE_DONE;
    dr6_seen[1] |= d->hits->dr6;
    d->regs->rflags &= ~RFLAGS_TF;
    return DIE_STOP;
}

KTEST_HWBP(die_causes, "die-chain.several-causes", NULL)
{
    static struct die_link first = {see_all, DIE_FIRST, NULL},
                           rest = {see_rest, DIE_BREAKPOINT - 1, NULL};
    struct perf_event *bp = bp_open(&watched, HW_BREAKPOINT_W, 8);
    EXPECT(!IS_ERR(bp));
    begin(DIE_DEBUG, 0);
    memset(dr6_seen, 0, sizeof(dr6_seen));
    die_register(&first);
    die_register(&rest);
    u64 flags = irq_save();
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq\n"
                     "movq $1, %0" // the first step ends after this instruction, which hits
                     : "=m"(watched)
                     :
                     : "memory", "cc");
    irq_restore(flags);
    die_unregister(&first);
    die_unregister(&rest);
    preempt_enable();
    EXPECT(dr6_seen[0] & DR6_SLOTS);
    EXPECT(dr6_seen[0] & DR6_BS);
    EXPECT_EQ(dr6_seen[1], DR6_BS);
    EXPECT_EQ(bp_close(bp), 1);
}
