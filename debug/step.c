// The end of the chain for a single step in ring 0: see step.h.
#include "arch/x86/cpu.h"
#include "debug/step.h"
#include "kernel/base/die.h"
#include "kernel/base/printk.h"

// An emulator's own debugger may leave TF set, for example. A step in ring 3 belongs to the
// program.
static enum die_answer take_step(struct die *d)
{
    if (d->event != DIE_DEBUG || from_user(d->regs) || !(d->hits->dr6 & DR6_BS))
        return DIE_DONE;
    d->hits->dr6 &= ~DR6_BS;
    if (d->regs->rflags & RFLAGS_TF) {
        d->regs->rflags &= ~RFLAGS_TF;
        printk("step: single step in the kernel at %pS, TF cleared\n", (void *)d->regs->rip);
    }
    return d->hits->dr6 ? DIE_DONE : DIE_STOP;
}

void step_init(void)
{
    static struct die_link link = {.fn = take_step, .priority = DIE_STEP};
    die_register(&link);
}
