// Seam between the files of the race finder: the access whose turn it is.
#pragma once

#include "debug/examples/race.h"
#include "debug/retarget.h"

enum race_state { AWAITED, HELD, OVER };

struct race_turn {
    const struct race_access *access;
    enum race_state state; // atomic
    u64 addr;              // what it is about to touch
    u64 by;                // the instruction after the one that came; 0: nobody; atomic
    u32 cpu, by_cpu;       // where both were
    u64 nowhere;           // the watchpoint is here while no access is held up
    struct retarget mover; // of the watchpoint
};

extern struct race_turn race_turn;

// Gives `a` a turn: afterwards race_turn says who came. 0, or -errno of a breakpoint. Task context.
int race_take_turn(const struct race_access *a);
