// Memory that runs out: every allocation inside a system call fails once. The call returns the
// error and has changed nothing. Needs a debug build of dr7.
#pragma once

#include "test/user/bp_test.h"

#define OOM_TOO_MANY 1000

// Calls attempt() again and again: first its first allocation fails, then its second, until none
// fails. attempt() returns a result >= 0, which undo() takes back, or -1 with this errno. With
// OOM_OR_NOT it may also succeed although an allocation failed. Its first system call must be the
// one under test, and at least one allocation must fail. The process ends at the first wrong
// result.
#define OOM_OR_NOT 0x10000
void oom_each(const char *what, long (*attempt)(void), void (*undo)(long), int err);
void oom_nothing(long); // for attempts that leave nothing to undo
void oom_close(long fd);

// The same by hand: lets the nth allocation of the next system call fail, and tells whether it did.
void oom_fail_nth(int n);
bool oom_has_failed(void);
// Adds the failures that another process has counted.
void oom_add(int failures);

// The number after the first `key` in a file, or -1.
long oom_number(const char *path, const char *key);

// Repeats the round until it leaves no more memory in use than the round before. Prints how many
// allocations have failed. Skips the test where allocations cannot be made to fail.
void oom_rounds(void (*round)(void));
