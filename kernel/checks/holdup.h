// What holds up others, and where: the table of debug builds. /proc/holdups switches it on and
// shows it (linux/fs/debug_files.c).
#pragma once

#include "arch/x86/holdup.h"

#define HOLDUP_PLACES 128 // of each kind; what finds no room is counted as lost

struct holdup {
    u64 from; // return address: who began it, or counted; 0: no place yet. All are atomic
    u64 to;   // where the longest ended; 0: a count
    u64 times, most, total;
};

extern struct holdup holdups[NR_HOLDUPS][HOLDUP_PLACES];
extern u64 holdups_lost;

// Begins anew, or ends.
void holdup_switch(bool on);
