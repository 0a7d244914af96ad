// The takers of exceptions: a chain of links, asked in falling order of priority.
//
//   priority         link                     takes
//   DIE_FIRST        tests of the CPU         what the test provoked
//   DIE_KGDB         debug/kgdb               what gdb asked for; it sees the machine before the
//                                             other links have changed anything
//   DIE_BREAKPOINT   hwbp/db.c                hits of debug registers
//   DIE_STEP         debug/step.c             single steps of ring 0 that no debugger asked for
//   DIE_WATCHDOG     debug/watchdog.c         NMIs that no other link has taken
//   (the end)        linux/proc/trap.c        the rest: in ring 3 a signal, in ring 0 a panic
//
// A #DB may have several causes at once, and each may belong to another link. A link clears the
// bits of hits->dr6 that it has dealt with. The answers mean:
//   DIE_DONE   the next link is asked
//   DIE_STOP   nothing is left: no other link is asked, the interrupted code goes on
#pragma once

#include "arch/x86/upcalls.h"

enum die_priority {
    DIE_WATCHDOG = 50,
    DIE_STEP = 100,
    DIE_BREAKPOINT = 200,
    DIE_KGDB = 300,
    DIE_FIRST = 400,
};

// A link runs with IRQs off, possibly in an NMI: it must not take a lock or sleep.
struct die_link {
    enum die_answer (*fn)(struct die *d);
    int priority;
    struct die_link *next; // the chain's
};

// Adds a link, after the links of the same priority. And removes it. When die_unregister()
// returns, no CPU runs the link any more. The caller makes sure that only one CPU at a time calls
// these. Unregister: task context, no lock held.
void die_register(struct die_link *link);
void die_unregister(struct die_link *link);
