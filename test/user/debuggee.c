// What the test of dbg debugs: functions and a variable with names, and a known course of events.
#include "test/user/utest.h"

volatile long dbg_total;

__attribute__((noinline)) void dbg_add(long n);
__attribute__((noinline)) void dbg_loop(long n);

void dbg_add(long n)
{
    dbg_total += n;
    __asm__ volatile(""); // or the compiler looks inside
}

void dbg_loop(long n)
{
    for (long i = 1; i <= n; i++)
        dbg_add(i);
}

int debuggee(void)
{
    dbg_loop(4);
    return (int)dbg_total;
}
