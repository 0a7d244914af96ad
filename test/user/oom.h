// Memory that runs out: every allocation inside a system call fails once. The call says so, and
// everything is as if it had never been made. Needs a debug build of dr7.
#pragma once

#include "test/user/bp_test.h"

#define OOM_TOO_MANY 1000

// Calls attempt() with its first allocation failing, then its second, until none fails. It returns
// a result >= 0, which undo() takes back, or -1 with this errno. OOM_OR_NOT: it may also do without
// one of them. attempt() makes no other system call before, in which nothing would be allocated: at
// least one allocation must fail. The process ends when something is not as it must be.
#define OOM_OR_NOT 0x10000
void oom_each(const char *what, long (*attempt)(void), void (*undo)(long), int err);
void oom_nothing(long); // nothing to take back
void oom_close(long fd);

// The same by hand: the nth allocation of the next system call fails; whether that has happened.
void oom_fail_nth(int n);
bool oom_has_failed(void);
// How many failures there were in some other process.
void oom_add(int failures);

// The number behind the first `key` in a file, or -1.
long oom_number(const char *path, const char *key);

// Plays the round until the memory that is in use grows no more, and says how many allocations have
// failed. Skips the test where none can be made to fail.
void oom_rounds(void (*round)(void));
