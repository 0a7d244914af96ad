// When memory is out and a program touches a page, somebody has to end: an access cannot return an
// error. A system call that needs memory for itself can: it waits for those who are ending, and
// then returns ENOMEM.
#pragma once

#include "arch/x86/types.h"

void oom_init(void);

// How many times somebody has been ended so far.
u64 oom_count(void);

// Ends the process that has most, and takes its memory at once. It is not the first program while
// there is another. `before` is what oom_count() was before memory was out. If somebody is ending
// already, the call waits until then, at most a second. `from_user`: the access was made in ring 3.
// It has no way to fail, so it is tried again as long as the task is not killed. True: the access
// may be tried again. False: it cannot be made. Task context, no spinlock; mutexes may be held,
// because who is ended gives its memory back without them.
bool oom_make_room(u64 before, bool from_user);

// A call has returned -ENOMEM, for the time number tries + 1, and so has changed nothing. True:
// memory is out, or was just now; a moment has passed, and the call may be made again. False: more
// memory than there is now will hardly come, or the task is killed. The tries take 100 ms in all,
// or a second while somebody is ending. Task context, no locks.
bool oom_try_again(u32 tries);
