// A program to be counted. FIRST, SECOND, READS and CALLS are the student's own numbers of
// accesses. The page of the variables has nothing else: an unwatched store there would hide QEMU's
// second report of a hit (docs/compare.md).
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
