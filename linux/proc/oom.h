// Memory is out, and a program touches a page. The access cannot return an error, so a process has
// to end. A system call that needs memory for itself can return one. It waits for the processes
// that are ending, and then returns ENOMEM.
#pragma once

#include "arch/x86/types.h"

void oom_init(void);

// How many times a process has been ended so far.
u64 oom_count(void);

// Ends the process that has the most memory, and takes its memory at once. The first program is
// ended only when there is no other. `before` is the value of oom_count() before memory was out. If
// a process is ending already, the call waits for its end, at most a second. `from_user`: the
// access was made in ring 3. Such an access cannot fail, so it is tried again as long as the task
// is not killed. True: the access may be tried again. False: it cannot be made. Task context, no
// spinlock. Mutexes may be held, because the process that is ended gives its memory back without
// them.
bool oom_make_room(u64 before, bool from_user);

// A call has returned -ENOMEM for the (tries + 1)th time, and has changed nothing. True: memory is
// out, or was out just now. A moment has passed, and the call may be made again. False: there will
// hardly be more memory than now, or the task is killed. The tries take 100 ms in all, or a second
// while a process is ending. Task context, no locks.
bool oom_try_again(u32 tries);
