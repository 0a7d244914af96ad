// The upcalls of arch/x86/user.
#pragma once

#include "arch/x86/trap.h"

// linux/fs/console.c. A byte from the keyboard. IRQs off.
void console_input(u8 c);

// linux/proc/trap.c. An exception from ring 3 other than #PF and #DB: becomes a signal. IRQs on.
void user_exception(struct trapframe *f);

// linux/proc/syscall.c. SYSCALL from ring 3: number in f->error and f->rax, arguments in rdi, rsi,
// rdx, r10, r8, r9; the result goes to f->rax. IRQs on.
void syscall_dispatch(struct trapframe *f);

// linux/proc/signal_deliver.c. Before every return to ring 3, IRQs on: delivers signals. May not
// return (exit).
void user_return(struct trapframe *f);
// The same place. Whether user_return() would find anything to do. IRQs off.
bool user_return_due(void);

// linux/perf/wakeup.c. After a #DB from ring 3 (and a record that a task makes), IRQs off: does
// what its overflows have left to be done. On return IRQs are off again.
void perf_debug_return(void);

// linux/proc/trap.c. What the chain has left of a #DB from ring 3: becomes SIGTRAP. IRQs on.
void user_debug_trap(struct trapframe *f, u64 dr6);
