// The program that the test of dbg debugs: it has named functions and a variable, and always does
// the same.
#include "test/user/utest.h"

volatile long dbg_total;

__attribute__((noinline)) void dbg_add(long n);
__attribute__((noinline)) void dbg_loop(long n);

void dbg_add(long n)
{
    dbg_total += n;
    __asm__ volatile(""); // the compiler must not look inside
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
