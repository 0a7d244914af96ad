// "race=LIST" on the command line: finds races between the accesses of a list. Each in turn is held
// up for a moment, with a watchpoint on what it is about to touch. An access that comes meanwhile
// races with it. tools/accesses.py makes lists; docs/api.md shows one.
#pragma once

#include "arch/x86/types.h"

#define RACE_MAX 64u // accesses in a list

// One instruction that touches memory. A list is these numbers, with commas.
struct race_access {
    u64 ip, size;   // its first byte, and how many it has
    u64 len, write; // it touches 1, 2, 4 or 8 bytes; 0: it only reads them
    u64 base, disp; // where: disp + the register of this number in struct trapframe, if < 15
};

// Holds up each of the n accesses `rounds` times, and logs each pair that races when it is first
// seen. Uses two registers of each CPU meanwhile. 0, or -errno of a breakpoint that could not be
// had. Only one may run. Task context.
int race_find(const struct race_access *list, u32 n, u32 rounds);
// In the last race_find(): which accesses came while number i was held up, as bits. Task context.
u64 race_met(u32 i);

void race_run(void *); // What "race=" asks for; without it nothing. Task context.
void race_start(void); // The same, in a task of its own.
