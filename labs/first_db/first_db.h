// The first #DB: debug registers by hand, on one CPU, before there are tasks.
#pragma once

#include "arch/x86/debugreg.h"
#include "arch/x86/debugreg_hw.h"
#include "arch/x86/trap.h"

// ---- Yours: first_db.c ----

// The bits of DR7 that enable register n (0-3): its enable bits, R/W and LEN. `len`: 1, 2, 4 or 8
// bytes; for an execute breakpoint it means nothing.
u64 dr7_bits(int n, u8 type, u8 len);

// Puts a breakpoint into register n, whatever was there before. The other registers stay as they
// are. At no time is the register enabled while its address changes.
void arm(int n, u64 addr, u8 type, u8 len);

// Switches register n off, and forgets its R/W and LEN. The others stay as they are.
void disarm(int n);

// The debug exception, IRQs off. Counts in `hits` and `steps`.
void on_db(struct trapframe *f);

// ---- Given: first_db_scenes.c ----

extern u32 hits[4]; // how often each register has fired
extern u32 steps;   // how many single steps there were

// Plays the scenes that the kernel's command line names ("lab="), and switches the machine off.
void lab_run(void);

// True when the exception belongs to a scene.
bool lab_takes_db(struct trapframe *f);
