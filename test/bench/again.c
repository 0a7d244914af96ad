// A small program that executes itself again, as often as its argument says.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char number[16];
    int n = argc > 1 ? atoi(argv[1]) : 0;

    if (n == 0)
        return 0;
    snprintf(number, sizeof number, "%d", n - 1);
    execv(argv[0], (char *[]){argv[0], number, NULL});
    return 1;
}
