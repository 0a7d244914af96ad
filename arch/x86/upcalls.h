// The upcalls of arch/x86: the functions of upper layers that it calls. Each comment begins with
// the file that implements the function. There are no others.
#pragma once

#include "arch/x86/context.h"
#include "arch/x86/debugreg.h"
#include "arch/x86/trap.h"

// kernel/main.c. C begins here: boot.asm has 64 bits, a stack and the first GiB. `magic` and `mbi`
// as multiboot2 gives them.
void kernel_main(u32 magic, u32 mbi);

// kernel/base/panic.c. Says what is wrong and stops the machine; any context.
__noreturn void panic(const char *fmt, ...) __printf(1, 2);

// kernel/base/panic.c. An exception in ring 0 that nobody has an answer to.
__noreturn void panic_trap(struct trapframe *f, u64 cr2);

// kernel/base/printk.c. The kernel's log; any context, also NMI.
void printk(const char *fmt, ...) __printf(1, 2);

// kernel/mm/page.c. One zeroed page with one reference, as physical address; 0 when memory is out.
u64 page_alloc_zeroed(void);
// Drops one reference; the last one frees the page. Reserved pages, 0 among them, are left alone.
void page_unref(u64 pa);

// kernel/mm/kstack.c. A kernel stack with an unmapped page below it; its top, or 0 when memory is
// out. Task context.
u64 kstack_alloc(void);
void kstack_free(u64 top);

// sched/core.c. Preempts if a switch is due and allowed. IRQs off, at the end of an interrupt, and
// on each way to ring 3.
void sched_irq_exit(void);

// sched/core.c. The local timer, once per tick on each CPU, IRQs off.
void sched_tick(struct trapframe *f);

// sched/core.c. A CPU that smp_start_all() woke arrives here, IRQs off, on its boot stack, and is
// online once it has called smp_join().
__noreturn void sched_ap_main(void);

// linux/proc/trap.c. A page fault with a user address, from ring 3 or from a user copy. True when
// the access may be tried again. Ring 3 faults that fail become SIGSEGV inside.
bool user_page_fault(struct trapframe *f, u64 addr);

// An exception, as the chain of handlers sees it (kernel/base/die.h).
enum die_event {
    DIE_DEBUG, // #DB, its breakpoints off, IRQs off
    DIE_INT3,  // #BP; rip is after the instruction
    DIE_TRAP,  // any other exception before it becomes a signal (not #PF) or a panic
    DIE_NMI,
    DIE_PANIC, // panic() was called: regs is NULL
};

enum die_answer { DIE_DONE, DIE_STOP };

struct die {
    enum die_event event;
    struct trapframe *regs;
    struct dr_hits *hits; // of a #DB, else NULL
    u64 *dr7;             // of an NMI: what its end gives to dr_unpause(); else NULL
};

// kernel/base/die.c. Asks the chain of exception handlers. IRQs off, possibly on the stack of #DB
// or NMI. DIE_STOP: somebody has dealt with all of it, and the interrupted code may go on.
enum die_answer die_notify(struct die *d);

// debug/kgdb/session.c. The machine is about to go off. Any context.
void debugger_off(u32 status);

// kernel/irq.c. An interrupt that only devices and debuggers know, by f->vector; or an IRQ_TIMER
// that is no tick (timer_is_tick()). IRQs off. False: nobody knows it.
bool device_irq(struct trapframe *f);

// arch/x86/user/timer.c. In IRQ_TIMER, once: whether this is a tick.
bool timer_is_tick(void);

// arch/x86/user/trap_user.c. Once on each CPU, IRQs off: lets it run programs, and guards the
// kernel against them.
void cpu_init_user(void);
// arch/x86/user/trap_user.c. An exception in ring 3 other than #DB; `cr2` as it was then. IRQs off.
void trap_from_user(struct trapframe *f, u64 cr2);
// arch/x86/user/trap_user.c. What the chain has left of a #DB from ring 3. IRQs off.
void trap_debug_from_user(struct trapframe *f, u64 left);
// arch/x86/user/trap_user.c. The last work before ring 3, called by trap_exit_to_user() alone (see
// arch/x86/exit.h). IRQs off.
void trap_work_before_user(struct trapframe *f);

// arch/x86/user/fpu.c. The program's part of a switch (context_leave(), context_enter()), for tasks
// that have an `fpu`. IRQs off.
void context_leave_user(struct arch_task *prev);
void context_enter_user(struct arch_task *next);
