// sleep SECONDS: waits; a fraction is allowed.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
    char *end;
    double seconds = argc == 2 ? strtod(argv[1], &end) : -1;

    if (seconds < 0 || seconds > 1e9 || *end != '\0' || end == argv[1]) {
        fprintf(stderr, "usage: sleep SECONDS\n");
        return 2;
    }
    struct timespec left = {.tv_sec = (time_t)seconds};
    left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
    while (nanosleep(&left, &left) != 0)
        continue; // a signal that did not end us: sleep the rest
    return 0;
}
