// What stops the machine: an exception, a byte from gdb, or a request of the kernel. See kgdb.h.
#include "arch/x86/user/devices.h"
#include "debug/kgdb/breaks.h"
#include "debug/kgdb/kgdb.h"
#include "debug/kgdb/packet.h"
#include "debug/kgdb/session.h"
#include "debug/kgdb/step.h"
#include "kernel/base/cmdline.h"
#include "linux/fs/upcalls.h"

#define INTERRUPT 3 // the byte that gdb sends for Ctrl-C
#define INT3      0xcc

static bool on __protected_bss;              // constant after kgdb_start()
static bool asked[MAX_CPUS] __protected_bss; // kgdb_enter() makes the next #BP of this CPU

// ---- exceptions ----

static __protected_text enum die_answer int3(struct trapframe *f)
{
    u64 addr = f->rip - 1;
    struct stop why = {.kind = STOP_SWBREAK, .signal = KGDB_SIGTRAP, .addr = addr};
    if (from_user(f))
        return DIE_DONE;
    if (kgdb_break_at(addr)) {
        f->rip = addr;
    } else if (asked[cpu_id()]) {
        asked[cpu_id()] = false;
        why.kind = STOP_SIGNAL;
    } else if (*(volatile u8 *)addr != INT3) { // it was taken out after this CPU met it
        f->rip = addr;
        return DIE_STOP;
    } else if (kgdb_attached()) {
        why.kind = STOP_SIGNAL;
    } else {
        return DIE_DONE;
    }
    return kgdb_stop(f, &why) ? DIE_STOP : DIE_DONE;
}

// The hits are left to the next link of the chain, the breakpoints' own. It counts them and sets
// RF.
static __protected_text enum die_answer debug(struct trapframe *f, struct dr_hits *hits)
{
    struct stop why = {.signal = KGDB_SIGTRAP};
    bool mine = (hits->dr6 & DR6_BS) && kgdb_steps(cpu_id());
    if (mine) {
        why.kind = STOP_STEP;
        why.nested = !hits->slot;
        hits->dr6 &= ~DR6_BS;
    }
    for (int i = 0; i < HBP_NUM; i++) {
        int slot = hits->slots & BIT(i) ? kgdb_slot_of(hits->slot[i].owner) : -1;
        if (slot < 0)
            continue;
        mine = true;
        why.kind = hits->slot[i].type == DR_EXECUTE ? STOP_HWBREAK : STOP_WATCH;
        why.slot = slot;
        why.addr = kgdb_slot_addr(slot);
    }
    if (mine)
        kgdb_stop(f, &why);
    return mine && !hits->dr6 ? DIE_STOP : DIE_DONE;
}

static __protected_text int signal_of(u64 vector)
{
    switch (vector) {
    case TRAP_DE:
    case TRAP_MF:
    case TRAP_XM:
        return KGDB_SIGFPE;
    case TRAP_UD:
        return KGDB_SIGILL;
    case TRAP_NP:
    case TRAP_SS:
    case TRAP_AC:
        return KGDB_SIGBUS;
    default:
        return KGDB_SIGSEGV;
    }
}

// A fault that would be a panic. If gdb lets the CPU go on at the same place, it becomes a panic.
static __protected_text enum die_answer fault(struct trapframe *f)
{
    struct stop why = {.kind = STOP_SIGNAL, .signal = signal_of(f->vector)};
    u64 rip = f->rip;
    if (from_user(f) || !kgdb_attached())
        return DIE_DONE;
    return kgdb_stop(f, &why) && f->rip != rip ? DIE_STOP : DIE_DONE;
}

static __protected_text enum die_answer take(struct die *d)
{
    if (d->event == DIE_NMI) // while gdb is attached, the watchdog gets none
        return kgdb_park(d->regs, d->dr7) == DIE_STOP || kgdb_attached() ? DIE_STOP : DIE_DONE;
    if (kgdb_inside()) // the stub itself caused it
        return DIE_DONE;
    if (d->event == DIE_INT3)
        return int3(d->regs);
    if (d->event == DIE_DEBUG)
        return debug(d->regs, d->hits);
    if (d->event == DIE_TRAP)
        return fault(d->regs);
    if (kgdb_attached()) // DIE_PANIC
        kgdb_enter();
    return DIE_DONE;
}

// ---- the line ----

void debugger_line(struct trapframe *f)
{
    struct stop why = {.kind = STOP_LINE, .signal = KGDB_SIGTRAP};
    for (int c = serial_read(COM2); c >= 0; c = serial_read(COM2)) {
        if (c != INTERRUPT && c != '$')
            continue; // acknowledgements
        if (c == INTERRUPT)
            why = (struct stop){.kind = STOP_SIGNAL, .signal = KGDB_SIGINT};
        else
            packet_begun();
        kgdb_stop(f, &why);
        return;
    }
}

// ---- the kernel itself ----

int kgdb_enter(void)
{
    if (!on)
        return -ENODEV;
    u64 flags = irq_save();
    asked[cpu_id()] = true;
    debug_break();
    irq_restore(flags);
    return 0;
}

void kgdb_start(void)
{
    static struct die_link link = {.fn = take, .priority = DIE_KGDB};
    char none[1], log[8] = "";
    bool wait = cmdline_get("kgdbwait", none, sizeof(none));
    if (!wait && !cmdline_get("kgdb", none, sizeof(none)))
        return;
    if (cmdline_get("log", log, sizeof(log)) && log[3] == '2') {
        printk("kgdb: the log has the second serial port (log=com2): off\n");
        return;
    }
    if (kgdb_breaks_init())
        panic("kgdb: no memory for its breakpoints");
    kgdb_step_init();
    die_register(&link);
    on = true;
    if (wait) {
        printk("kgdb: waiting for gdb on the second serial port\n");
        kgdb_enter();
    }
    serial_irq_enable(COM2);
}
