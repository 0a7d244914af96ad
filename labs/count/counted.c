// A program to be counted. How often it does what, FIRST, SECOND, READS and CALLS, is the student's
// own. Nothing else stands on the page of its variables: there a store that is not watched would
// hide what QEMU does (docs/compare.md).
#include <stdio.h>

#define N __attribute__((noinline))

volatile long first __attribute__((aligned(4096))), second, third, fourth, fifth, sixth;

N void step(void)
{
    __asm__ volatile("");
}

N void writes(void)
{
    for (int i = 0; i < FIRST || i < SECOND; i++) {
        if (i < FIRST)
            first = i;
        if (i < SECOND)
            second = i;
    }
}

int main(void)
{
    writes();
    for (int i = 0; i < READS; i++)
        (void)first;
    for (int i = 0; i < CALLS; i++)
        step();
    puts("counted: it has ended");
    return 0;
}
