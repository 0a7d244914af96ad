// Every return to ring 3 goes through here.
#pragma once

#include "arch/x86/cpu.h"
#include "arch/x86/upcalls.h"

// True for kernel addresses and for those that are not canonical.
static inline bool upper_half(u64 addr)
{
    return addr >> 47;
}

// IRQs off, so an interrupt that comes now is taken in ring 3.
static inline void trap_exit_to_user(struct trapframe *f)
{
    if (unlikely(DEBUG_BUILD || THIS_CPU->due || upper_half(f->rip)))
        trap_work_before_user(f);
}
