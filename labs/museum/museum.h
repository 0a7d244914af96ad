// What the tests of the lab "museum" are made with. Their program is the only one of the machine:
// nobody else has breakpoints.
#pragma once

#define _GNU_SOURCE
#include "user/bp.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

// Memory to watch, and a function to watch. Nothing else touches them.
extern volatile uint64_t museum_word[BP_REGISTERS];
void museum_call(void);

// A child that is traced and has stopped. When it goes on it writes museum_word[0] to [3], each
// once and in this order, and exits with 0.
pid_t museum_child(void);

// Lets a stopped child go on until it stops or ends. Returns its wait status.
int museum_go(pid_t pid);

// Ends a child whatever it does.
void museum_end(pid_t pid);

// The child's DRn. museum_poke() returns 0 or the errno.
unsigned long museum_peek(pid_t pid, int n);
int museum_poke(pid_t pid, int n, unsigned long value);

// A request that must be refused (EINVAL), as attributes of an event that is otherwise in order.
//   0: the length is 3; 1: the address is odd and the length 4; 2: for reads alone; 3: an address
//   of the kernel, though its accesses are excluded
struct perf_event_attr museum_refused(int kind);
